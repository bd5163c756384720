# One program a module. One more test is three lines: its name here, its sources, its libraries.
test_cppflags = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS) $(JANSSON_CFLAGS)
test_ldadd = streamer/libstreamer.a $(common_libs) $(streamer_libs) $(CMOCKA_LIBS)

EXTRA_DIST += \
	%D%/capture_open.h \
	%D%/capture_scene.h \
	%D%/chunks.h \
	%D%/colours.h \
	%D%/fake_v4l2.h \
	%D%/fake_camera.h \
	%D%/fcgi_input.h \
	%D%/findings.h \
	%D%/folder.h \
	%D%/h264_file.h \
	%D%/h264_write.h \
	%D%/hub_scene.h \
	%D%/lens.h \
	%D%/m2m_scene.h \
	%D%/oom.h \
	%D%/quiet.h \
	%D%/run.sh \
	%D%/scene.h \
	%D%/splitter_show.h \
	%D%/unit.h \
	%D%/viewer_scene.h \
	%D%/v4l2_open.h \
	%D%/wait_frame.h \
	tests/data

if HAVE_CMOCKA
unit_tests = \
	%D%/test_account \
	%D%/test_adapt \
	%D%/test_adaptive \
	%D%/test_args \
	%D%/test_attention \
	%D%/test_au \
	%D%/test_auq \
	%D%/test_bits \
	%D%/test_camname \
	%D%/test_capproto \
	%D%/test_chain \
	%D%/test_changes \
	%D%/test_conf \
	%D%/test_crowd \
	%D%/test_ctlask \
	%D%/test_ctlproto \
	%D%/test_devices_oom \
	%D%/test_devwatch \
	%D%/test_diagnostics \
	%D%/test_doctor \
	%D%/test_encoder \
	%D%/test_encoder_pass \
	%D%/test_etag \
	%D%/test_framegate \
	%D%/test_h264_data \
	%D%/test_h264_samples \
	%D%/test_http \
	%D%/test_hub \
	%D%/test_hub_asked \
	%D%/test_inflight \
	%D%/test_inquiry \
	%D%/test_jsonread \
	%D%/test_jsonscan \
	%D%/test_jsontext \
	%D%/test_leftover \
	%D%/test_log \
	%D%/test_machine \
	%D%/test_memo \
	%D%/test_metrics \
	%D%/test_nal \
	%D%/test_origin \
	%D%/test_outbox \
	%D%/test_pacing \
	%D%/test_pattern \
	%D%/test_percentile \
	%D%/test_photo \
	%D%/test_pipeline \
	%D%/test_premises \
	%D%/test_rate \
	%D%/test_ration \
	%D%/test_safetext \
	%D%/test_server \
	%D%/test_server_owner \
	%D%/test_settings \
	%D%/test_source \
	%D%/test_source_feed \
	%D%/test_source_file \
	%D%/test_sources \
	%D%/test_splitlog \
	%D%/test_splitter \
	%D%/test_splitter_damage \
	%D%/test_splitter_oom \
	%D%/test_splitter_pause \
	%D%/test_splitter_sps \
	%D%/test_sps \
	%D%/test_store \
	%D%/test_trial \
	%D%/test_unixsock \
	%D%/test_util \
	%D%/test_viewmsg \
	%D%/test_welcome \
	%D%/test_ws
if WITH_TURBOJPEG
unit_tests += %D%/test_darkroom %D%/test_jpeg %D%/test_mjpeg
endif
if WITH_AVCODEC
unit_tests += %D%/test_still
endif
if WITH_CONVERT
unit_tests += \
	%D%/test_chain_m2m \
	%D%/test_convert \
	%D%/test_encoder_m2m \
	%D%/test_m2m \
	%D%/test_pipeline_m2m \
	%D%/test_helper \
	%D%/test_source_libcamera \
	%D%/test_source_libcamera_loss
endif
if WITH_V4L2
unit_tests += \
	%D%/test_source_v4l2 \
	%D%/test_source_v4l2_life \
	%D%/test_v4l2 \
	%D%/test_v4l2look
endif
check_PROGRAMS += $(unit_tests)
TESTS += $(unit_tests)

%C%_test_account_SOURCES = %D%/test_account.c
%C%_test_account_CPPFLAGS = $(test_cppflags)
%C%_test_account_LDADD = $(test_ldadd)

%C%_test_machine_SOURCES = %D%/test_machine.c
%C%_test_machine_CPPFLAGS = $(test_cppflags)
%C%_test_machine_LDADD = $(test_ldadd)

%C%_test_ctlask_SOURCES = %D%/test_ctlask.c
%C%_test_ctlask_CPPFLAGS = $(test_cppflags)
%C%_test_ctlask_LDADD = $(test_ldadd)

%C%_test_inquiry_SOURCES = %D%/test_inquiry.c
%C%_test_inquiry_CPPFLAGS = $(test_cppflags)
%C%_test_inquiry_LDADD = $(test_ldadd)

%C%_test_v4l2look_SOURCES = %D%/test_v4l2look.c $(fake_m2m_sources)
%C%_test_v4l2look_CPPFLAGS = $(test_cppflags)
%C%_test_v4l2look_LDADD = $(test_ldadd)

%C%_test_doctor_SOURCES = %D%/test_doctor.c
%C%_test_doctor_CPPFLAGS = $(test_cppflags)
%C%_test_doctor_LDADD = $(test_ldadd)

%C%_test_premises_SOURCES = %D%/test_premises.c
%C%_test_premises_CPPFLAGS = $(test_cppflags)
%C%_test_premises_LDADD = $(test_ldadd)

%C%_test_args_SOURCES = %D%/test_args.c
%C%_test_args_CPPFLAGS = $(test_cppflags)
%C%_test_args_LDADD = $(test_ldadd)

%C%_test_attention_SOURCES = %D%/test_attention.c
%C%_test_attention_CPPFLAGS = $(test_cppflags)
%C%_test_attention_LDADD = $(test_ldadd)

%C%_test_au_SOURCES = %D%/test_au.c
%C%_test_au_CPPFLAGS = $(test_cppflags)
%C%_test_au_LDADD = $(test_ldadd)

%C%_test_bits_SOURCES = %D%/test_bits.c
%C%_test_bits_CPPFLAGS = $(test_cppflags)
%C%_test_bits_LDADD = $(test_ldadd)

%C%_test_camname_SOURCES = %D%/test_camname.c
%C%_test_camname_CPPFLAGS = $(test_cppflags)
%C%_test_camname_LDADD = $(test_ldadd)

%C%_test_capproto_SOURCES = %D%/test_capproto.c
%C%_test_capproto_CPPFLAGS = $(test_cppflags)
%C%_test_capproto_LDADD = $(test_ldadd)

%C%_test_ctlproto_SOURCES = %D%/test_ctlproto.c
%C%_test_ctlproto_CPPFLAGS = $(test_cppflags)
%C%_test_ctlproto_LDADD = $(test_ldadd)

%C%_test_h264_data_SOURCES = %D%/test_h264_data.c
%C%_test_h264_data_CPPFLAGS = $(test_cppflags) -DDATA_DIR='"$(abs_top_srcdir)/tests/data"'
%C%_test_h264_data_LDADD = $(test_ldadd)

%C%_test_h264_samples_SOURCES = %D%/test_h264_samples.c
%C%_test_h264_samples_CPPFLAGS = $(test_cppflags) \
	-DSAMPLES_DIR='"$(abs_top_srcdir)/../shared/samples"'
%C%_test_h264_samples_LDADD = $(test_ldadd)

%C%_test_http_SOURCES = %D%/test_http.c
%C%_test_http_CPPFLAGS = $(test_cppflags)
%C%_test_http_LDADD = $(test_ldadd)

%C%_test_jsonread_SOURCES = %D%/test_jsonread.c
%C%_test_jsonread_CPPFLAGS = $(test_cppflags)
%C%_test_jsonread_LDADD = $(test_ldadd)

%C%_test_jsonscan_SOURCES = %D%/test_jsonscan.c
%C%_test_jsonscan_CPPFLAGS = $(test_cppflags)
%C%_test_jsonscan_LDADD = $(test_ldadd)

%C%_test_jsontext_SOURCES = %D%/test_jsontext.c
%C%_test_jsontext_CPPFLAGS = $(test_cppflags)
%C%_test_jsontext_LDADD = $(test_ldadd)

%C%_test_nal_SOURCES = %D%/test_nal.c
%C%_test_nal_CPPFLAGS = $(test_cppflags)
%C%_test_nal_LDADD = $(test_ldadd)

%C%_test_splitter_SOURCES = %D%/test_splitter.c
%C%_test_splitter_CPPFLAGS = $(test_cppflags)
%C%_test_splitter_LDADD = $(test_ldadd)

%C%_test_splitter_damage_SOURCES = %D%/test_splitter_damage.c
%C%_test_splitter_damage_CPPFLAGS = $(test_cppflags)
%C%_test_splitter_damage_LDADD = $(test_ldadd)

%C%_test_splitter_oom_SOURCES = %D%/test_splitter_oom.c
%C%_test_splitter_oom_CPPFLAGS = $(test_cppflags)
%C%_test_splitter_oom_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc
%C%_test_splitter_oom_LDADD = $(test_ldadd)

%C%_test_splitter_pause_SOURCES = %D%/test_splitter_pause.c
%C%_test_splitter_pause_CPPFLAGS = $(test_cppflags)
%C%_test_splitter_pause_LDADD = $(test_ldadd)

%C%_test_splitter_sps_SOURCES = %D%/test_splitter_sps.c
%C%_test_splitter_sps_CPPFLAGS = $(test_cppflags)
%C%_test_splitter_sps_LDADD = $(test_ldadd)

%C%_test_sources_SOURCES = %D%/test_sources.c
%C%_test_sources_CPPFLAGS = $(test_cppflags) $(SYSTEMD_CFLAGS)
%C%_test_sources_LDADD = $(test_ldadd)

%C%_test_sps_SOURCES = %D%/test_sps.c
%C%_test_sps_CPPFLAGS = $(test_cppflags)
%C%_test_sps_LDADD = $(test_ldadd)

%C%_test_viewmsg_SOURCES = %D%/test_viewmsg.c
%C%_test_viewmsg_CPPFLAGS = $(test_cppflags)
%C%_test_viewmsg_LDADD = $(test_ldadd)

%C%_test_ws_SOURCES = %D%/test_ws.c
%C%_test_ws_CPPFLAGS = $(test_cppflags)
%C%_test_ws_LDADD = $(test_ldadd)

%C%_test_darkroom_SOURCES = %D%/test_darkroom.c
%C%_test_darkroom_CPPFLAGS = $(test_cppflags) -DDATA_DIR='"$(abs_top_srcdir)/tests/data"'
%C%_test_darkroom_LDADD = $(test_ldadd)

%C%_test_jpeg_SOURCES = %D%/test_jpeg.c
%C%_test_jpeg_CPPFLAGS = $(test_cppflags) $(TURBOJPEG_CFLAGS)
%C%_test_jpeg_LDADD = $(test_ldadd)

%C%_test_mjpeg_SOURCES = %D%/test_mjpeg.c
%C%_test_mjpeg_CPPFLAGS = $(test_cppflags) $(TURBOJPEG_CFLAGS)
%C%_test_mjpeg_LDADD = $(test_ldadd)

%C%_test_photo_SOURCES = %D%/test_photo.c
%C%_test_photo_CPPFLAGS = $(test_cppflags)
%C%_test_photo_LDADD = $(test_ldadd)

%C%_test_pattern_SOURCES = %D%/test_pattern.c
%C%_test_pattern_CPPFLAGS = $(test_cppflags)
%C%_test_pattern_LDADD = $(test_ldadd)

%C%_test_source_SOURCES = %D%/test_source.c
%C%_test_source_CPPFLAGS = $(test_cppflags)
%C%_test_source_LDADD = $(test_ldadd)

%C%_test_auq_SOURCES = %D%/test_auq.c
%C%_test_auq_CPPFLAGS = $(test_cppflags)
%C%_test_auq_LDADD = $(test_ldadd)

%C%_test_conf_SOURCES = %D%/test_conf.c
%C%_test_conf_CPPFLAGS = $(test_cppflags)
%C%_test_conf_LDADD = $(test_ldadd)

%C%_test_hub_asked_SOURCES = %D%/test_hub_asked.c
%C%_test_hub_asked_CPPFLAGS = $(test_cppflags)
%C%_test_hub_asked_LDADD = $(test_ldadd)

%C%_test_hub_SOURCES = %D%/test_hub.c
%C%_test_hub_CPPFLAGS = $(test_cppflags)
%C%_test_hub_LDADD = $(test_ldadd)

%C%_test_inflight_SOURCES = %D%/test_inflight.c
%C%_test_inflight_CPPFLAGS = $(test_cppflags)
%C%_test_inflight_LDADD = $(test_ldadd)

%C%_test_percentile_SOURCES = %D%/test_percentile.c
%C%_test_percentile_CPPFLAGS = $(test_cppflags)
%C%_test_percentile_LDADD = $(test_ldadd)

%C%_test_still_SOURCES = %D%/test_still.c
%C%_test_still_CPPFLAGS = $(test_cppflags) -DDATA_DIR='"$(abs_top_srcdir)/tests/data"' \
	-DSAMPLES_DIR='"$(abs_top_srcdir)/../shared/samples"'
%C%_test_still_LDADD = $(test_ldadd)

%C%_test_store_SOURCES = %D%/test_store.c
%C%_test_store_CPPFLAGS = $(test_cppflags)
%C%_test_store_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=pthread_create
%C%_test_store_LDADD = $(test_ldadd)

%C%_test_origin_SOURCES = %D%/test_origin.c
%C%_test_origin_CPPFLAGS = $(test_cppflags)
%C%_test_origin_LDADD = $(test_ldadd)

%C%_test_chain_SOURCES = %D%/test_chain.c
%C%_test_chain_CPPFLAGS = $(test_cppflags)
%C%_test_chain_LDADD = $(test_ldadd)

%C%_test_changes_SOURCES = %D%/test_changes.c
%C%_test_changes_CPPFLAGS = $(test_cppflags)
%C%_test_changes_LDADD = $(test_ldadd)

%C%_test_pipeline_SOURCES = %D%/test_pipeline.c
%C%_test_pipeline_CPPFLAGS = $(test_cppflags)
%C%_test_pipeline_LDADD = $(test_ldadd)

%C%_test_devices_oom_SOURCES = %D%/test_devices_oom.c
%C%_test_devices_oom_CPPFLAGS = $(test_cppflags)
%C%_test_devices_oom_LDADD = $(test_ldadd)

%C%_test_devices_oom_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc

%C%_test_encoder_SOURCES = %D%/test_encoder.c
%C%_test_encoder_CPPFLAGS = $(test_cppflags)
%C%_test_encoder_LDADD = $(test_ldadd)

%C%_test_encoder_pass_SOURCES = %D%/test_encoder_pass.c
%C%_test_encoder_pass_CPPFLAGS = $(test_cppflags)
%C%_test_encoder_pass_LDADD = $(test_ldadd)

%C%_test_etag_SOURCES = %D%/test_etag.c
%C%_test_etag_CPPFLAGS = $(test_cppflags)
%C%_test_etag_LDADD = $(test_ldadd)

%C%_test_memo_SOURCES = %D%/test_memo.c
%C%_test_memo_CPPFLAGS = $(test_cppflags)
%C%_test_memo_LDADD = $(test_ldadd)

%C%_test_metrics_SOURCES = %D%/test_metrics.c
%C%_test_metrics_CPPFLAGS = $(test_cppflags)
%C%_test_metrics_LDADD = $(test_ldadd)

%C%_test_settings_SOURCES = %D%/test_settings.c
%C%_test_settings_CPPFLAGS = $(test_cppflags)
%C%_test_settings_LDADD = $(test_ldadd)

%C%_test_safetext_SOURCES = %D%/test_safetext.c
%C%_test_safetext_CPPFLAGS = $(test_cppflags)
%C%_test_safetext_LDADD = $(test_ldadd)

%C%_test_source_feed_SOURCES = %D%/test_source_feed.c
%C%_test_source_feed_CPPFLAGS = $(test_cppflags)
%C%_test_source_feed_LDADD = $(test_ldadd)

%C%_test_splitlog_SOURCES = %D%/test_splitlog.c
%C%_test_splitlog_CPPFLAGS = $(test_cppflags)
%C%_test_splitlog_LDADD = $(test_ldadd)

%C%_test_source_file_SOURCES = %D%/test_source_file.c
%C%_test_source_file_CPPFLAGS = $(test_cppflags) -DDATA_DIR='"$(abs_top_srcdir)/tests/data"' \
	-DSAMPLES_DIR='"$(abs_top_srcdir)/../shared/samples"'
%C%_test_source_file_LDADD = $(test_ldadd)

%C%_test_log_SOURCES = %D%/test_log.c
%C%_test_log_CPPFLAGS = $(test_cppflags)
%C%_test_log_LDADD = $(test_ldadd)

%C%_test_leftover_SOURCES = %D%/test_leftover.c
%C%_test_leftover_CPPFLAGS = $(test_cppflags)
%C%_test_leftover_LDADD = $(test_ldadd)

%C%_test_crowd_SOURCES = %D%/test_crowd.c
%C%_test_crowd_CPPFLAGS = $(test_cppflags)
%C%_test_crowd_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=clock_now_us \
	-Wl,--wrap=malloc,--wrap=calloc,--wrap=free \
	-Wl,--wrap=send,--wrap=sendmsg,--wrap=recv,--wrap=epoll_ctl,--wrap=accept4
%C%_test_crowd_LDADD = $(test_ldadd)

%C%_test_server_SOURCES = %D%/test_server.c
%C%_test_server_CPPFLAGS = $(test_cppflags)
%C%_test_server_LDFLAGS = $(AM_LDFLAGS) \
	-Wl,--wrap=malloc,--wrap=calloc,--wrap=free \
	-Wl,--wrap=send,--wrap=sendmsg,--wrap=recv,--wrap=epoll_ctl,--wrap=accept4
%C%_test_server_LDADD = $(test_ldadd)

%C%_test_server_owner_SOURCES = %D%/test_server_owner.c
%C%_test_server_owner_CPPFLAGS = $(test_cppflags)
%C%_test_server_owner_LDFLAGS = $(AM_LDFLAGS) \
	-Wl,--wrap=malloc,--wrap=calloc,--wrap=free \
	-Wl,--wrap=send,--wrap=sendmsg,--wrap=recv,--wrap=epoll_ctl,--wrap=accept4
%C%_test_server_owner_LDADD = $(test_ldadd)

%C%_test_welcome_SOURCES = %D%/test_welcome.c
%C%_test_welcome_CPPFLAGS = $(test_cppflags)
%C%_test_welcome_LDADD = $(test_ldadd)

%C%_test_ration_SOURCES = %D%/test_ration.c
%C%_test_ration_CPPFLAGS = $(test_cppflags)
%C%_test_ration_LDADD = $(test_ldadd)

%C%_test_outbox_SOURCES = %D%/test_outbox.c
%C%_test_outbox_CPPFLAGS = $(test_cppflags)
%C%_test_outbox_LDADD = $(test_ldadd)

%C%_test_pacing_SOURCES = %D%/test_pacing.c
%C%_test_pacing_CPPFLAGS = $(test_cppflags)
%C%_test_pacing_LDADD = $(test_ldadd)

%C%_test_trial_SOURCES = %D%/test_trial.c
%C%_test_trial_CPPFLAGS = $(test_cppflags)
%C%_test_trial_LDADD = $(test_ldadd)

%C%_test_unixsock_SOURCES = %D%/test_unixsock.c
%C%_test_unixsock_CPPFLAGS = $(test_cppflags)
%C%_test_unixsock_LDADD = $(test_ldadd)

%C%_test_util_SOURCES = %D%/test_util.c
%C%_test_util_CPPFLAGS = $(test_cppflags)
%C%_test_util_LDADD = $(test_ldadd)

%C%_test_helper_SOURCES = %D%/test_helper.c
%C%_test_helper_CPPFLAGS = $(test_cppflags) \
	-DFAKE_CAPTURE='"$(abs_top_builddir)/tests/tools/fake_capture"'
%C%_test_helper_LDADD = $(test_ldadd)

%C%_test_source_libcamera_SOURCES = %D%/test_source_libcamera.c
%C%_test_source_libcamera_CPPFLAGS = $(test_cppflags) \
	-DFAKE_CAPTURE='"$(abs_top_builddir)/tests/tools/fake_capture"'
%C%_test_source_libcamera_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=ioctl
%C%_test_source_libcamera_LDADD = $(test_ldadd)

%C%_test_source_libcamera_loss_SOURCES = %D%/test_source_libcamera_loss.c
%C%_test_source_libcamera_loss_CPPFLAGS = $(test_cppflags) \
	-DFAKE_CAPTURE='"$(abs_top_builddir)/tests/tools/fake_capture"'
%C%_test_source_libcamera_loss_LDFLAGS = $(AM_LDFLAGS) \
	-Wl,--wrap=malloc,--wrap=calloc,--wrap=reallocarray
%C%_test_source_libcamera_loss_LDADD = $(test_ldadd)

%C%_test_convert_SOURCES = %D%/test_convert.c
%C%_test_convert_CPPFLAGS = $(test_cppflags)
%C%_test_convert_LDADD = $(test_ldadd)

%C%_test_devwatch_SOURCES = %D%/test_devwatch.c
%C%_test_devwatch_CPPFLAGS = $(test_cppflags)
%C%_test_devwatch_LDADD = $(test_ldadd)

%C%_test_framegate_SOURCES = %D%/test_framegate.c
%C%_test_framegate_CPPFLAGS = $(test_cppflags)
%C%_test_framegate_LDADD = $(test_ldadd)

%C%_test_source_v4l2_SOURCES = %D%/test_source_v4l2.c
%C%_test_source_v4l2_CPPFLAGS = $(test_cppflags)
%C%_test_source_v4l2_LDADD = $(test_ldadd)

%C%_test_source_v4l2_life_SOURCES = %D%/test_source_v4l2_life.c
%C%_test_source_v4l2_life_CPPFLAGS = $(test_cppflags)
%C%_test_source_v4l2_life_LDADD = $(test_ldadd)

fake_m2m_sources = \
	%D%/calls_watch.c %D%/calls_watch.h \
	%D%/fake_coder.c %D%/fake_coder.h \
	%D%/fake_m2m.c %D%/fake_m2m.h \
	%D%/fake_queue.c %D%/fake_queue.h

%C%_test_m2m_SOURCES = %D%/test_m2m.c $(fake_m2m_sources)
%C%_test_m2m_CPPFLAGS = $(test_cppflags)
%C%_test_m2m_LDADD = $(test_ldadd)

%C%_test_chain_m2m_SOURCES = %D%/test_chain_m2m.c $(fake_m2m_sources)
%C%_test_chain_m2m_CPPFLAGS = $(test_cppflags)
%C%_test_chain_m2m_LDADD = $(test_ldadd)

%C%_test_pipeline_m2m_SOURCES = %D%/test_pipeline_m2m.c $(fake_m2m_sources)
%C%_test_pipeline_m2m_CPPFLAGS = $(test_cppflags)
%C%_test_pipeline_m2m_LDADD = $(test_ldadd)

%C%_test_encoder_m2m_SOURCES = %D%/test_encoder_m2m.c $(fake_m2m_sources)
%C%_test_encoder_m2m_CPPFLAGS = $(test_cppflags)
%C%_test_encoder_m2m_LDADD = $(test_ldadd)

%C%_test_v4l2_SOURCES = %D%/test_v4l2.c
%C%_test_v4l2_CPPFLAGS = $(test_cppflags)
%C%_test_v4l2_LDADD = $(test_ldadd)

%C%_test_adapt_SOURCES = %D%/test_adapt.c
%C%_test_adapt_CPPFLAGS = $(test_cppflags)
%C%_test_adapt_LDADD = $(test_ldadd)

%C%_test_adaptive_SOURCES = %D%/test_adaptive.c
%C%_test_adaptive_CPPFLAGS = $(test_cppflags)
%C%_test_adaptive_LDADD = $(test_ldadd)

%C%_test_rate_SOURCES = %D%/test_rate.c
%C%_test_rate_CPPFLAGS = $(test_cppflags)
%C%_test_rate_LDADD = $(test_ldadd)

%C%_test_diagnostics_SOURCES = %D%/test_diagnostics.c
%C%_test_diagnostics_CPPFLAGS = $(test_cppflags)
%C%_test_diagnostics_LDADD = $(test_ldadd)

if WITH_FCGI
fcgi_tests = \
	%D%/test_api \
	%D%/test_cameras \
	%D%/test_ctlclient \
	%D%/test_options \
	%D%/test_pacing \
	%D%/test_request \
	%D%/test_response
check_PROGRAMS += $(fcgi_tests)
TESTS += $(fcgi_tests)
fcgi_test_ldadd = fcgi/libnalcastfcgi.a $(common_libs) $(CMOCKA_LIBS)

%C%_test_api_SOURCES = %D%/test_api.c
%C%_test_api_CPPFLAGS = $(test_cppflags)
%C%_test_api_LDADD = $(fcgi_test_ldadd)

%C%_test_cameras_SOURCES = %D%/test_cameras.c
%C%_test_cameras_CPPFLAGS = $(test_cppflags)
%C%_test_cameras_LDADD = $(fcgi_test_ldadd)

%C%_test_ctlclient_SOURCES = %D%/test_ctlclient.c
%C%_test_ctlclient_CPPFLAGS = $(test_cppflags)
%C%_test_ctlclient_LDADD = $(fcgi_test_ldadd)

%C%_test_options_SOURCES = %D%/test_options.c
%C%_test_options_CPPFLAGS = $(test_cppflags)
%C%_test_options_LDADD = $(fcgi_test_ldadd)

%C%_test_request_SOURCES = %D%/test_request.c
%C%_test_request_CPPFLAGS = $(test_cppflags)
%C%_test_request_LDADD = $(fcgi_test_ldadd)

%C%_test_response_SOURCES = %D%/test_response.c
%C%_test_response_CPPFLAGS = $(test_cppflags)
%C%_test_response_LDADD = $(fcgi_test_ldadd)
endif
endif
