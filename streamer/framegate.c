#include "streamer/framegate.h"

#include "common/util.h"

#define PAUSE_INTERVALS 8
#define SMOOTHING       64 /* pictures that the average looks back, roughly */

static int64_t interval_of(unsigned fps_milli)
{
	return fps_milli > 0 ? INT64_C(1000000000) / fps_milli : 0;
}

void framegate_init(struct framegate *gate, unsigned fps_milli, unsigned camera_milli)
{
	int64_t interval_us = interval_of(fps_milli);
	int64_t camera_us = camera_milli > 0 ? interval_of(camera_milli) : interval_us;

	*gate = (struct framegate){
		.interval_us = interval_us,
		.average_us = min_i64(camera_us, interval_us),
		.newest_us = INT64_MIN,
	};
}

static void measure(struct framegate *gate, int64_t pts_us)
{
	if (gate->newest_us != INT64_MIN) {
		/* A pause says little about how fast it is; what came late counts in full, for
		 * the next one comes early. */
		int64_t step_us = min_i64(max_i64(pts_us - gate->newest_us, 0),
					  PAUSE_INTERVALS * gate->interval_us);
		gate->average_us += (step_us - gate->average_us) / SMOOTHING;
	}
	gate->newest_us = pts_us;
}

bool framegate_passes(struct framegate *gate, int64_t pts_us)
{
	bool first = gate->newest_us == INT64_MIN;

	measure(gate, pts_us);
	if (first || gate->average_us * 10 >= gate->interval_us * 9) {
		gate->due_us = pts_us + gate->interval_us;
		return true;
	}
	/* Half of the camera's own step early is the nearest of its pictures. One that is due far
	 * ahead was so by a clock that went back. */
	int64_t early_us = gate->due_us - pts_us;
	if (early_us > gate->average_us / 2 && early_us < 2 * gate->interval_us)
		return false;
	if (early_us >= 2 * gate->interval_us)
		gate->due_us = pts_us;
	gate->due_us = max_i64(gate->due_us + gate->interval_us, pts_us);
	return true;
}
