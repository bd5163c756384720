# The files to include live in $(nginxdir); the example server is for reading.
# rootless.conf.in is filled in by scripts/demo and tests/lib/stack.mjs, not by make.

nginx_conf_files = \
	%D%/nalcast-action.conf \
	%D%/nalcast-camera.conf \
	%D%/nalcast-errors.conf \
	%D%/nalcast-fastcgi.conf \
	%D%/nalcast-headers.conf \
	%D%/nalcast-http.conf \
	%D%/nalcast-location.conf \
	%D%/nalcast-problem.conf \
	%D%/nalcast-server.conf

nginx_DATA += $(nginx_conf_files)
dist_nginx_DATA = %D%/README.md
examples_DATA += %D%/nginx-nalcast.conf

EXTRA_DIST += \
	%D%/nalcast-action.conf.in \
	%D%/nalcast-camera.conf.in \
	%D%/nalcast-errors.conf.in \
	%D%/nalcast-fastcgi.conf.in \
	%D%/nalcast-headers.conf.in \
	%D%/nalcast-http.conf.in \
	%D%/nalcast-location.conf.in \
	%D%/nalcast-problem.conf.in \
	%D%/nalcast-server.conf.in \
	%D%/nginx-nalcast.conf.in \
	%D%/rootless.conf.in

CLEANFILES += $(nginx_conf_files) %D%/nginx-nalcast.conf

$(nginx_conf_files) %D%/nginx-nalcast.conf: Makefile

SUFFIXES += .conf.in .conf
.conf.in.conf:
	$(subst_rule)
