/* control: the control socket (protocol.md section 3): connections, envelopes, deadlines. What is
 * asked for is done by ops.
 *
 * SOCK_SEQPACKET, one JSON object a packet, one request in flight on each connection. Loop thread.
 */
#ifndef STREAMER_CONTROL_H
#define STREAMER_CONTROL_H

#include <systemd/sd-event.h>

#include "common/error.h"
#include "streamer/stream.h"

struct control;

/* listen_fd is the control's from now on. It becomes the stream's listener. */
int control_new(sd_event *event, int listen_fd, struct stream *stream, struct control **ret_control,
		struct error *err);
void control_free(struct control *control); /* NULL is nothing */

#endif
