# The real nalcast-fcgi over FastCGI, with a nalcastd that answers as the test wants.
EXTRA_DIST += %D%/fastcgi.mjs %D%/api.test.mjs %D%/process.test.mjs %D%/api.sh %D%/process.sh

if WITH_FCGI
TESTS += %D%/api.sh %D%/process.sh
endif
