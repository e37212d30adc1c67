#!/bin/sh
# What the tests need of the system: a PostgreSQL server, a Chromium, a font with Chinese.
# Installed where this is Debian and we may; otherwise said loudly, and those tests are skipped (CI fails on it).
set -u
missing=""
ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || command -v initdb >/dev/null 2>&1 || missing="$missing postgresql"
command -v chromium >/dev/null 2>&1 || command -v google-chrome >/dev/null 2>&1 || missing="$missing chromium"
[ -n "$(ls /usr/share/fonts/*/*/*CJK* /usr/share/fonts/*/*CJK* 2>/dev/null)" ] || missing="$missing fonts-noto-cjk"
[ -z "$missing" ] && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
  echo "installing$missing"
  apt-get update -qq >/dev/null 2>&1
  # shellcheck disable=SC2086
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null && exit 0
fi
echo "NOT INSTALLED:$missing. The tests that need them are skipped. Install them with your system's package manager." >&2
[ -z "${CI:-}" ]
