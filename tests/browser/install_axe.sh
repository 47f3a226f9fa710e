#!/bin/sh
# The accessibility tests run axe-core in the page; it is installed beside them and not committed.
set -e
cd "$(dirname "$0")"
command -v npm >/dev/null || { echo "npm is missing: install Node.js first." >&2; exit 1; }
npm install --silent --no-save --no-audit --no-fund --prefix install axe-core@4
