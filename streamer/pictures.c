#include "streamer/pictures.h"

#include <errno.h>
#include <stdlib.h>

int pictures_init(struct pictures *p, uint32_t fourcc, unsigned width, unsigned height,
		  bool full_range)
{
	size_t size = convert_bytes(width, height);

	*p = (struct pictures){
		.convert = convert_new(fourcc, width, height, full_range),
		.pixels = malloc(PICTURES_MAX * size),
	};
	if (p->convert == NULL || p->pixels == NULL) {
		pictures_clear(p);
		return -ENOMEM;
	}
	for (unsigned i = 0; i < PICTURES_MAX; i++)
		convert_lay_out(p->pixels + i * size, width, height, &p->picture[i]);
	return 0;
}

void pictures_clear(struct pictures *p)
{
	convert_free(p->convert);
	free(p->pixels);
	*p = (struct pictures){0};
}

bool pictures_exist(const struct pictures *p)
{
	return p->convert != NULL;
}

static unsigned free_one(const struct pictures *p)
{
	unsigned i = 0;

	while (i < PICTURES_MAX && p->lent[i])
		i++;
	return i;
}

static void show(const struct convert_picture *picture, const struct frame *in,
		 struct frame *ret_frame)
{
	*ret_frame = *in;
	ret_frame->fourcc = FRAME_I420;
	ret_frame->plane_count = FRAME_PLANES_MAX;
	for (unsigned i = 0; i < FRAME_PLANES_MAX; i++)
		ret_frame->plane[i] = (struct frame_plane){
			.data = picture->plane[i],
			.size = (size_t)picture->stride[i] * (i == 0 ? in->height : in->height / 2),
			.stride = picture->stride[i],
			.dmabuf_fd = -1,
		};
	if (in->fourcc == FRAME_MJPEG || in->fourcc == FRAME_JPEG) {
		ret_frame->jpeg = in->plane[0].data;
		ret_frame->jpeg_size = in->plane[0].size;
	}
}

int pictures_lend(struct pictures *p, const struct frame *in, struct frame *ret_frame)
{
	unsigned at = free_one(p);

	if (at == PICTURES_MAX)
		return -EAGAIN;
	int r = convert_to_i420(p->convert, in, &p->picture[at]);
	if (r < 0)
		return r;
	show(&p->picture[at], in, ret_frame);
	ret_frame->index = at;
	p->lent[at] = true;
	p->buffer[at] = ret_frame->jpeg != NULL ? in->index : PICTURES_NO_BUFFER;
	return 0;
}

uint32_t pictures_take_back(struct pictures *p, uint32_t index)
{
	p->lent[index] = false;
	return p->buffer[index];
}

const char *pictures_damage(int code)
{
	return code == -EMSGSIZE ? "it is cut off" : "its JPEG is damaged";
}
