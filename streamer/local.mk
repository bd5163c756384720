noinst_LIBRARIES += %D%/libstreamer.a
%C%_libstreamer_a_SOURCES = \
	%D%/account.c %D%/account.h \
	%D%/adapt.c %D%/adapt.h \
	%D%/adaptive.c %D%/adaptive.h \
	%D%/args.c %D%/args.h \
	%D%/attention.c %D%/attention.h \
	%D%/au.c %D%/au.h \
	%D%/auq.c %D%/auq.h \
	%D%/bits.c %D%/bits.h \
	%D%/camera.c %D%/camera.h \
	%D%/capproto.c %D%/capproto.h \
	%D%/carry.c %D%/carry.h \
	%D%/chain.c %D%/chain.h \
	%D%/changes.c %D%/changes.h \
	%D%/clock.c %D%/clock.h \
	%D%/conf.c %D%/conf.h \
	%D%/confkeys.c %D%/confkeys.h \
	%D%/confload.c %D%/confload.h \
	%D%/control.c %D%/control.h \
	%D%/ctlask.c %D%/ctlask.h \
	%D%/darkroom.c %D%/darkroom.h \
	%D%/devwatch.c %D%/devwatch.h \
	%D%/diagnostics.c %D%/diagnostics.h \
	%D%/doctor.c %D%/doctor.h \
	%D%/doctor_checks.c \
	%D%/doctor_look.c \
	%D%/doctor_print.c \
	%D%/encoder.c %D%/encoder.h \
	%D%/encoder_pass.c \
	%D%/encpick.c %D%/encpick.h \
	%D%/finding.c %D%/finding.h \
	%D%/frame.h \
	%D%/framegate.c %D%/framegate.h \
	%D%/framing.c %D%/framing.h \
	%D%/gallery.c %D%/gallery.h \
	%D%/h264level.c %D%/h264level.h \
	%D%/holders.c %D%/holders.h \
	%D%/http.c %D%/http.h \
	%D%/hub.c %D%/hub.h \
	%D%/hub_slot.c %D%/hub_slot.h \
	%D%/inflight.c %D%/inflight.h \
	%D%/inquiry.c %D%/inquiry.h \
	%D%/jfif.c %D%/jfif.h \
	%D%/jpeg.h \
	%D%/jsonread.c %D%/jsonread.h \
	%D%/jsontext.c %D%/jsontext.h \
	%D%/leftover.c %D%/leftover.h \
	%D%/lender.c %D%/lender.h \
	%D%/listener.c %D%/listener.h \
	%D%/machine.c %D%/machine.h \
	%D%/memo.c %D%/memo.h \
	%D%/metrics.c %D%/metrics.h \
	%D%/mjpeg.c %D%/mjpeg.h \
	%D%/nal.c %D%/nal.h \
	%D%/ops.c %D%/ops.h \
	%D%/ops_config.c \
	%D%/ops_controls.c \
	%D%/ops_stream.c \
	%D%/ops_viewers.c \
	%D%/orders.c %D%/orders.h \
	%D%/outbox.c %D%/outbox.h \
	%D%/pace.c %D%/pace.h \
	%D%/paramsets.c %D%/paramsets.h \
	%D%/parcel.c %D%/parcel.h \
	%D%/pattern.c %D%/pattern.h \
	%D%/percentile.c %D%/percentile.h \
	%D%/photo.c %D%/photo.h \
	%D%/pipeline.c %D%/pipeline.h \
	%D%/pixfmt.c %D%/pixfmt.h \
	%D%/premises.c %D%/premises.h \
	%D%/producer.c %D%/producer.h \
	%D%/rate.c %D%/rate.h \
	%D%/ration.c %D%/ration.h \
	%D%/safetext.c %D%/safetext.h \
	%D%/samefile.c %D%/samefile.h \
	%D%/server.c %D%/server.h \
	%D%/settings.c %D%/settings.h \
	%D%/slice.c %D%/slice.h \
	%D%/source.c %D%/source.h \
	%D%/source_feed.c %D%/source_feed.h \
	%D%/source_file.c \
	%D%/source_test.c \
	%D%/splitlog.c %D%/splitlog.h \
	%D%/splitter.c %D%/splitter.h \
	%D%/sps.c %D%/sps.h \
	%D%/statejson.c %D%/statejson.h \
	%D%/still.h \
	%D%/store.c %D%/store.h \
	%D%/stream.c %D%/stream.h \
	%D%/survey.c %D%/survey.h \
	%D%/trial.c %D%/trial.h \
	%D%/utf8.c %D%/utf8.h \
	%D%/v4l2look.h \
	%D%/viewer.c %D%/viewer.h \
	%D%/viewmsg.c %D%/viewmsg.h \
	%D%/welcome.c %D%/welcome.h \
	%D%/wire.c %D%/wire.h \
	%D%/ws.c %D%/ws.h
if WITH_X264
%C%_libstreamer_a_SOURCES += %D%/encoder_x264.c
endif
if WITH_TURBOJPEG
%C%_libstreamer_a_SOURCES += %D%/jpeg.c
else
%C%_libstreamer_a_SOURCES += %D%/jpeg_none.c
endif
if WITH_AVCODEC
%C%_libstreamer_a_SOURCES += %D%/still.c
else
%C%_libstreamer_a_SOURCES += %D%/still_none.c
endif
if WITH_CONVERT
%C%_libstreamer_a_SOURCES += \
	%D%/capbuf.c %D%/capbuf.h \
	%D%/capture.c %D%/capture.h \
	%D%/convert.c %D%/convert.h \
	%D%/helper.c %D%/helper.h \
	%D%/mediadev.c %D%/mediadev.h \
	%D%/pictures.c %D%/pictures.h \
	%D%/source_libcamera.c
endif
if WITH_V4L2
%C%_libstreamer_a_SOURCES += \
	%D%/encoder_v4l2m2m.c \
	%D%/m2m.c %D%/m2m.h \
	%D%/m2mdev.c %D%/m2mdev.h \
	%D%/m2mqueue.c %D%/m2mqueue.h \
	%D%/source_v4l2.c \
	%D%/v4l2buf.c %D%/v4l2buf.h \
	%D%/v4l2caps.c %D%/v4l2caps.h \
	%D%/v4l2ctl.c %D%/v4l2ctl.h \
	%D%/v4l2dev.c %D%/v4l2dev.h \
	%D%/v4l2find.c %D%/v4l2find.h \
	%D%/v4l2fmt.c %D%/v4l2fmt.h \
	%D%/v4l2look.c \
	%D%/v4l2stream.c %D%/v4l2stream.h
else
%C%_libstreamer_a_SOURCES += %D%/v4l2look_none.c
endif
%C%_libstreamer_a_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS) $(SYSTEMD_CFLAGS) $(NETTLE_CFLAGS) \
	$(INIH_CFLAGS) $(X264_CFLAGS) $(TURBOJPEG_CFLAGS) $(AVCODEC_CFLAGS)
streamer_libs = -lm $(X264_LIBS) $(YUV_LIBS) $(TURBOJPEG_LIBS) $(INIH_LIBS)

# The tables of backends are linked beside main, never from the archive: tests bring their own.
sbin_PROGRAMS += %D%/nalcastd
%C%_nalcastd_SOURCES = %D%/main.c %D%/backends.c
%C%_nalcastd_LDADD = %D%/libstreamer.a $(common_libs) $(streamer_libs)
