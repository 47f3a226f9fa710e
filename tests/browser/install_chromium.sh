#!/bin/sh
# The browser tests drive Debian's Chromium; install it where it is missing.
set -e
if ! command -v apt-get >/dev/null; then
  echo "The browser tests need Chromium: install it and have 'chromium' on the PATH." >&2
  exit 1
fi
SUDO=""
[ "$(id -u)" = 0 ] || SUDO="sudo"
$SUDO apt-get update -qq
DEBIAN_FRONTEND=noninteractive $SUDO apt-get install -y -qq chromium fonts-noto-cjk
