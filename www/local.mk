# The viewer page: plain files, installed as they are. Broadway.js comes from npm and is made in
# the build folder, under %D%/npm (packages) and %D%/assets/broadway (what is installed).

wwwassetsdir = $(wwwdir)/assets
dist_www_DATA = %D%/index.html
dist_wwwassets_DATA = \
	%D%/assets/acks.js \
	%D%/assets/api.js \
	%D%/assets/backlog.js \
	%D%/assets/backoff.js \
	%D%/assets/cameras.js \
	%D%/assets/clock.js \
	%D%/assets/controls.js \
	%D%/assets/decoder-broadway.js \
	%D%/assets/decoder-webcodecs.js \
	%D%/assets/favicon.svg \
	%D%/assets/main.js \
	%D%/assets/message.js \
	%D%/assets/modes.js \
	%D%/assets/nal.js \
	%D%/assets/player.js \
	%D%/assets/sps.js \
	%D%/assets/stream.js \
	%D%/assets/style.css \
	%D%/assets/view.js

npm_inputs = package.json package-lock.json .npmrc
EXTRA_DIST += $(npm_inputs) %D%/build-assets.mjs

if WITH_BROADWAY
broadway_files = \
	%D%/assets/broadway/Decoder.js \
	%D%/assets/broadway/LICENSE.broadway-player \
	%D%/assets/broadway/LICENSE.ws-avc-player \
	%D%/assets/broadway/Player.js \
	%D%/assets/broadway/YUVCanvas.js \
	%D%/assets/broadway/avc.wasm

wwwbroadwaydir = $(wwwassetsdir)/broadway
wwwbroadway_DATA = $(broadway_files)
CLEANFILES += $(broadway_files) %D%/assets/broadway/stamp
CLEAN_LOCAL += %D%/npm

# A folder named to configure is used as it is; otherwise npm fills one of ours, all of it or none.
%D%/npm/stamp: $(npm_inputs)
	$(AM_V_GEN)rm -rf %D%/npm && $(MKDIR_P) %D%/npm
	$(AM_V_at)test -n "$(BROADWAY_NODE_MODULES)" || { \
		for file in $(npm_inputs); do \
			cp "$(srcdir)/$$file" %D%/npm/ || exit 1; \
		done; \
		cd %D%/npm && "$(NPM)" ci --omit=dev --no-update-notifier --loglevel=error; }
	$(AM_V_at)touch $@

%D%/assets/broadway/stamp: %D%/npm/stamp %D%/build-assets.mjs
	$(AM_V_GEN)modules="$(BROADWAY_NODE_MODULES)"; \
	"$(NODE)" "$(srcdir)/%D%/build-assets.mjs" \
		"$${modules:-%D%/npm/node_modules}" %D%/assets/broadway
	$(AM_V_at)touch $@

# One run makes them all; made again when one of them was removed.
$(broadway_files): %D%/assets/broadway/stamp
	$(AM_V_at)test -f $@ || { rm -f $< && $(MAKE) $(AM_MAKEFLAGS) $<; }
install_broadway = install-wwwbroadwayDATA
endif

# The whole page as one folder, for a server that runs from the build tree:
# make install-page wwwdir=FOLDER (absolute).
install-page: install-dist_wwwDATA install-dist_wwwassetsDATA $(install_broadway)
.PHONY: install-page
