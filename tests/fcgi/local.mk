# The real nalcast-fcgi over FastCGI, with nalcastds that answer as the test wants.
fcgi_scripts = %D%/abuse.sh %D%/api.sh %D%/cameras.sh %D%/process.sh
EXTRA_DIST += $(fcgi_scripts) %D%/fastcgi.mjs \
	%D%/abuse.test.mjs %D%/api.test.mjs %D%/cameras.test.mjs %D%/process.test.mjs

if WITH_FCGI
TESTS += $(fcgi_scripts)
endif
