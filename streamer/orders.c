#include "streamer/orders.h"

#include <errno.h>
#include <sys/eventfd.h>

#include "common/util.h"

int orders_init(struct orders *o)
{
	o->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	o->news_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	o->stop_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	pthread_mutex_init(&o->lock, NULL);
	return o->wake_fd < 0 || o->news_fd < 0 || o->stop_fd < 0 ? -errno : 0;
}

void orders_clear(struct orders *o)
{
	close_fd(&o->wake_fd);
	close_fd(&o->news_fd);
	close_fd(&o->stop_fd);
	pthread_mutex_destroy(&o->lock);
}

struct wishes *orders_edit(struct orders *o)
{
	pthread_mutex_lock(&o->lock);
	return &o->wishes;
}

void orders_send(struct orders *o)
{
	pthread_mutex_unlock(&o->lock);
	eventfd_write(o->wake_fd, 1);
}

void orders_stop(struct orders *o)
{
	orders_edit(o)->quit = true;
	eventfd_write(o->stop_fd, 1);
	orders_send(o);
}

struct wishes orders_take(struct orders *o, bool with_controls)
{
	eventfd_t count;

	pthread_mutex_lock(&o->lock);
	eventfd_read(o->wake_fd, &count);
	struct wishes wishes = o->wishes;
	if (!with_controls || wishes.settings_generation != 0) {
		wishes.controls_wait = wishes.controls_generation != 0;
		wishes.controls_generation = 0;
	} else {
		o->wishes.controls_generation = o->wishes.control_count = 0;
	}
	o->wishes.force_idr = o->wishes.has_fault = false;
	o->wishes.settings_generation = 0;
	pthread_mutex_unlock(&o->lock);
	return wishes;
}

void orders_set_report(struct orders *o, const struct pipeline_report *report)
{
	pthread_mutex_lock(&o->lock);
	o->report = *report;
	pthread_mutex_unlock(&o->lock);
}

void orders_get_report(struct orders *o, struct pipeline_report *ret_report)
{
	pthread_mutex_lock(&o->lock);
	*ret_report = o->report;
	pthread_mutex_unlock(&o->lock);
}

void orders_set_caps(struct orders *o, const struct source_caps *caps)
{
	pthread_mutex_lock(&o->lock);
	o->caps = *caps;
	pthread_mutex_unlock(&o->lock);
}

void orders_get_caps(struct orders *o, struct source_caps *ret_caps)
{
	pthread_mutex_lock(&o->lock);
	*ret_caps = o->caps;
	pthread_mutex_unlock(&o->lock);
}

void orders_tell_news(struct orders *o)
{
	eventfd_write(o->news_fd, 1);
}

void orders_take_news(struct orders *o)
{
	eventfd_t count;

	eventfd_read(o->news_fd, &count);
}
