/* The backends that configure chose. The daemon alone links this file: what a test links is what
 * the test names. */
#include "streamer/encoder.h"
#include "streamer/source.h"

const struct source_ops *const source_backends[] = {
#ifdef WITH_V4L2
	&source_v4l2_ops, /* USB cameras are best here: H.264, and a rate that is kept */
#endif
#ifdef WITH_CONVERT
	&source_libcamera_ops,
#endif
	&source_test_ops, /* after every real camera: always there, so source=auto ends here */
	&source_file_ops,      NULL,
};

/* Hardware before software: encoder=auto takes the first that can be had. */
const struct encoder_ops *const encoder_backends[] = {
#ifdef WITH_V4L2
	&encoder_v4l2m2m_ops,
#endif
#ifdef WITH_X264
	&encoder_x264_ops,
#endif
	&encoder_pass_ops,
	NULL,
};
