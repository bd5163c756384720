TEST_EXTENSIONS = .sh
tap_driver = env AM_TAP_AWK='$(AWK)' $(SHELL) $(top_srcdir)/build-aux/tap-driver.sh
LOG_DRIVER = $(tap_driver)
SH_LOG_DRIVER = $(tap_driver)
SH_LOG_COMPILER = $(SHELL)
LOG_COMPILER = $(SHELL) $(top_srcdir)/tests/unit/run.sh
AM_TESTS_ENVIRONMENT = CMOCKA_MESSAGE_OUTPUT=TAP; CC='$(CC)'; export CMOCKA_MESSAGE_OUTPUT CC;

include tests/lint/local.mk
include tests/unit/local.mk
include tests/model/local.mk
include tests/fuzz/local.mk
include tests/tools/local.mk
include tests/bench/local.mk
include tests/fcgi/local.mk
include tests/www/local.mk

EXTRA_DIST += \
	%D%/integration/chain.test.mjs \
	%D%/integration/demo.test.mjs \
	%D%/integration/echo.test.mjs \
	%D%/lib/process.mjs \
	%D%/lib/stack.mjs \
	%D%/lib/viewer.mjs \
	%D%/nginx/config.test.mjs \
	%D%/nginx/standins.mjs
