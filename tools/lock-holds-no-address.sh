#!/bin/sh
# A lock file with an index address installs from that address only: refuse it.
if grep -nE '://|--index|--find-links|--extra-index' requirements/*.lock; then
  echo "the lock files hold addresses: build them with make lock" >&2
  exit 1
fi
