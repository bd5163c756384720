#include "streamer/capproto.h"

#include <errno.h>

size_t capproto_size(uint32_t type)
{
	switch (type) {
	case CAPPROTO_HELLO:
		return sizeof(struct capproto_hello);
	case CAPPROTO_LIST:
		return sizeof(struct capproto_list);
	case CAPPROTO_CAMERA:
		return sizeof(struct capproto_camera);
	case CAPPROTO_LISTED:
		return sizeof(struct capproto_listed);
	case CAPPROTO_OPEN:
		return sizeof(struct capproto_open);
	case CAPPROTO_OPENED:
		return sizeof(struct capproto_opened);
	case CAPPROTO_BUFFER:
		return sizeof(struct capproto_buffer);
	case CAPPROTO_FRAME:
		return sizeof(struct capproto_frame);
	case CAPPROTO_DONE:
		return sizeof(struct capproto_done);
	case CAPPROTO_CONTROL:
		return sizeof(struct capproto_control);
	case CAPPROTO_SET_FPS:
		return sizeof(struct capproto_set_fps);
	case CAPPROTO_RESULT:
	case CAPPROTO_LOST:
		return sizeof(struct capproto_result);
	default:
		return 0;
	}
}
