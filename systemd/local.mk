# Units, the user they run as, and the folder of their sockets. nalcastd.service is camera
# "main": the template with its instance filled in.

systemd_units = \
	%D%/nalcast-fcgi.service \
	%D%/nalcast-fcgi.socket \
	%D%/nalcastd.service \
	%D%/nalcastd@.service \
	%D%/nalcastd@.socket

if WITH_SYSTEMD_UNITS
systemdsystemunit_DATA = $(systemd_units)
endif
if WITH_SYSUSERS
sysusers_DATA = %D%/sysusers.d/nalcast.conf
endif
if WITH_TMPFILES
tmpfiles_DATA = %D%/tmpfiles.d/nalcast.conf
endif

EXTRA_DIST += \
	%D%/nalcast-fcgi.service.in \
	%D%/nalcast-fcgi.socket.in \
	%D%/nalcastd@.service.in \
	%D%/nalcastd@.socket.in \
	%D%/sysusers.d/nalcast.conf.in \
	%D%/tmpfiles.d/nalcast.conf.in

CLEANFILES += $(systemd_units) %D%/sysusers.d/nalcast.conf %D%/tmpfiles.d/nalcast.conf

$(systemd_units) %D%/sysusers.d/nalcast.conf %D%/tmpfiles.d/nalcast.conf: Makefile

SUFFIXES += .service.in .service .socket.in .socket
.service.in.service:
	$(subst_rule)
.socket.in.socket:
	$(subst_rule)

%D%/nalcastd.service: %D%/nalcastd@.service
	$(AM_V_GEN)$(MKDIR_P) %D% && $(SED) -e 's|%i|main|g' '%D%/nalcastd@.service' > $@.tmp && \
		mv -f $@.tmp $@
