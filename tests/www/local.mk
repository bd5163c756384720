# The page's tests run under node (scripts/check www browser), not under make; the tarball has
# them all the same.
EXTRA_DIST += tests/package.json tests/package-lock.json tests/.npmrc \
	tests/lib/encode.mjs tests/lib/fake-server.mjs tests/lib/page.mjs tests/lib/pattern.mjs \
	tests/lib/reference.mjs \
	tests/browser/embedded.html tests/browser/embedded.js \
	tests/browser/mainsail.html tests/browser/mainsail.js tests/browser/mainsail.test.mjs \
	tests/browser/original.html tests/browser/original.js tests/browser/photos.html \
	tests/browser/photos.js tests/browser/photos.test.mjs tests/browser/whole.mjs \
	tests/browser/cameras.test.mjs tests/browser/change.test.mjs tests/browser/demo.test.mjs tests/browser/recorded.test.mjs \
	tests/browser/watch.test.mjs \
	%D%/acks.test.mjs %D%/api.test.mjs %D%/backlog.test.mjs %D%/backoff.test.mjs \
	%D%/cameras.test.mjs %D%/clock.test.mjs %D%/message.test.mjs %D%/modes.test.mjs \
	%D%/nal.test.mjs %D%/openapi.test.mjs %D%/pattern.test.mjs %D%/sps.test.mjs \
	%D%/stream.test.mjs %D%/fakes.mjs %D%/sps-writer.mjs \
	%D%/page/connection.test.mjs %D%/page/controls.test.mjs %D%/page/damage.test.mjs \
	%D%/page/decode.test.mjs %D%/page/fixture.mjs %D%/page/recorded.test.mjs
