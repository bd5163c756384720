#!/bin/sh
# Runs abuse.test.mjs; make check runs this in the build folder.
command -v node > /dev/null || { echo "1..0 # SKIP no node"; exit 0; }
here=$(dirname "$0")
NALCAST_BUILD=$PWD exec node --test --test-reporter=tap "$here/abuse.test.mjs"
