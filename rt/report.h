/* What an executable tells about a trap that nobody caught. */
#ifndef PAL_REPORT_H
#define PAL_REPORT_H

#pragma GCC visibility push(hidden)

/* Prints this thread's last trap and its backtrace on standard error. Safe in signal handlers. */
void pal_report(void);

#pragma GCC visibility pop
#endif
