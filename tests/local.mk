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
include tests/libcamera/local.mk
include tests/vm/local.mk
include tests/www/local.mk

EXTRA_DIST += \
	%D%/h264/clients.test.mjs \
	%D%/h264/colours.test.mjs \
	%D%/h264/damaged.test.mjs \
	%D%/h264/exact.test.mjs \
	%D%/h264/feed.test.mjs \
	%D%/h264/profiles.test.mjs \
	%D%/h264/rewrite.mjs \
	%D%/h264/streams.mjs \
	%D%/h264/watch.mjs \
	%D%/integration/adaptive.test.mjs \
	%D%/integration/api.test.mjs \
	%D%/integration/bench.test.mjs \
	%D%/integration/cameras.test.mjs \
	%D%/integration/chain.test.mjs \
	%D%/integration/config.test.mjs \
	%D%/integration/conditional.test.mjs \
	%D%/integration/control.test.mjs \
	%D%/integration/controls.test.mjs \
	%D%/integration/demand.test.mjs \
	%D%/integration/demo.test.mjs \
	%D%/integration/diagnostics.test.mjs \
	%D%/integration/doctor.test.mjs \
	%D%/integration/echo.test.mjs \
	%D%/integration/faults.test.mjs \
	%D%/integration/handshake.test.mjs \
	%D%/integration/hostile.test.mjs \
	%D%/integration/idle.test.mjs \
	%D%/integration/libcamera.test.mjs \
	%D%/integration/live.test.mjs \
	%D%/integration/persist.test.mjs \
	%D%/integration/photos.test.mjs \
	%D%/integration/process.test.mjs \
	%D%/integration/recipes.test.mjs \
	%D%/integration/slow.test.mjs \
	%D%/integration/stills.test.mjs \
	%D%/integration/viewers.test.mjs \
	%D%/integration/viewing.test.mjs \
	%D%/integration/websocket.test.mjs \
	%D%/lib/broadway.mjs \
	%D%/lib/daemon.mjs \
	%D%/lib/demo.mjs \
	%D%/lib/etag.mjs \
	%D%/lib/ffmpeg.mjs \
	%D%/lib/openapi.mjs \
	%D%/lib/photo.mjs \
	%D%/lib/process.mjs \
	%D%/lib/stack.mjs \
	%D%/lib/viewer.mjs \
	%D%/lib/wire.mjs \
	%D%/nginx/config.test.mjs \
	%D%/nginx/standins.mjs \
	%D%/tools/activate.pl \
	%D%/tools/flood.pl \
	%D%/tools/notified.pl \
	%D%/tools/seqpacket.pl
