# Measures, by `make bench` only: nothing is installed, nothing asserted. Parts: `make bench-NAME`,
# or make bench BENCH='NAME...'; each prints a table and writes bench/NAME.json.
bench_node_parts = fanout join slow hop $(bench_api)
BENCH = split encode $(bench_node_parts) $(bench_capture)
CLEAN_LOCAL += bench

EXTRA_PROGRAMS = %D%/bench_encode %D%/bench_split
CLEANFILES += $(EXTRA_PROGRAMS)

%C%_bench_encode_SOURCES = %D%/bench_encode.c streamer/backends.c
%C%_bench_encode_CPPFLAGS = $(AM_CPPFLAGS)
%C%_bench_encode_LDADD = streamer/libstreamer.a $(common_libs) $(streamer_libs)

%C%_bench_split_SOURCES = %D%/bench_split.c
%C%_bench_split_CPPFLAGS = $(AM_CPPFLAGS)
%C%_bench_split_LDADD = streamer/libstreamer.a $(common_libs) $(streamer_libs)

# A source, a client and the limit: built with everything else, because a test keeps them alive.
noinst_PROGRAMS += %D%/filler %D%/floor %D%/load

%C%_filler_SOURCES = %D%/filler.c %D%/stamp.h
%C%_filler_LDADD = streamer/libstreamer.a $(common_libs) $(streamer_libs)

%C%_floor_SOURCES = %D%/floor.c %D%/stamp.h
%C%_floor_LDADD = streamer/libstreamer.a $(common_libs) $(streamer_libs)

%C%_load_SOURCES = %D%/load.c %D%/ackring.h %D%/meter.c %D%/meter.h %D%/stamp.h
%C%_load_LDADD = $(common_libs)

if WITH_FCGI
bench_api = api
noinst_PROGRAMS += %D%/constant_fcgi %D%/http_load
endif

%C%_constant_fcgi_SOURCES = %D%/constant_fcgi.c
%C%_constant_fcgi_CPPFLAGS = $(AM_CPPFLAGS) $(FCGI_CFLAGS)
%C%_constant_fcgi_LDADD = $(common_libs) $(FCGI_LIBS)

%C%_http_load_SOURCES = %D%/http_load.c
%C%_http_load_LDADD = $(common_libs)

if WITH_V4L2
bench_capture = capture
endif

EXTRA_DIST += \
	%D%/api.mjs \
	%D%/capture.mjs \
	%D%/capture.sh \
	%D%/fanout.mjs \
	%D%/hop.mjs \
	%D%/join.mjs \
	%D%/links.mjs \
	%D%/netlink.mjs \
	%D%/servers.mjs \
	%D%/slow.mjs \
	%D%/socket.mjs \
	%D%/view.mjs \
	%D%/ws.mjs \
	%D%/ws4py_server.py

samples_dir = $${NALCAST_SAMPLES:-$(abs_top_srcdir)/../shared/samples}

.PHONY: bench bench-capture bench-encode bench-split $(bench_node_parts:%=bench-%)
bench:
	$(AM_V_at)for part in $(BENCH); do $(MAKE) --no-print-directory bench-$$part || exit; done

bench-encode: %D%/bench_encode
	$(AM_V_at)$(MKDIR_P) bench
	$(AM_V_at)%D%/bench_encode bench/encode.json

bench-split: %D%/bench_split
	$(AM_V_at)$(MKDIR_P) bench
	$(AM_V_at)%D%/bench_split bench/split.json "$(samples_dir)"

bench-capture: vm-programs

$(bench_node_parts:%=bench-%) bench-capture: all
	$(AM_V_at)$(MKDIR_P) bench
	$(AM_V_at)part=$@; part=$${part#bench-}; NALCAST_BUILD='$(abs_top_builddir)' \
	    $${NODE:-node} $(top_srcdir)/%D%/$$part.mjs bench/$$part.json
