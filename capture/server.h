/* server: does what nalcastd says, until that closes. Main thread. */
#ifndef CAPTURE_SERVER_H
#define CAPTURE_SERVER_H

namespace capture
{

/* Returns the program's status, to be given to _exit(). */
int server_run(int fd);

} /* namespace capture */

#endif
