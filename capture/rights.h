/* rights: what the program gives up before it touches libcamera. Main thread, once. */
#ifndef CAPTURE_RIGHTS_H
#define CAPTURE_RIGHTS_H

namespace capture
{

/* No new rights by exec, no capabilities, no core files, no descriptors behind fd_max. What cannot
 * be given up is a line in the log, and no reason not to go on. */
void rights_drop(int fd_max);

} /* namespace capture */

#endif
