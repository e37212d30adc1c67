"""Outside services over HTTP. Each knows its protocol and nothing of the house; whoever calls can do without it."""
