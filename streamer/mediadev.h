/* mediadev: the device files that libcamera would look at: may there be a camera for it, and has
 * anything changed? Opens none of them, so it is cheap. Any thread. */
#ifndef STREAMER_MEDIADEV_H
#define STREAMER_MEDIADEV_H

#include <stdbool.h>
#include <stdint.h>

extern const char *mediadev_folder; /* "/dev"; tests have one of their own */

/* False: not one media device. *ret_mark is another when one has come, gone, or got other rights.
 */
bool mediadev_exist(uint64_t *ret_mark);

#endif
