/* What the null and the bare milter have in common: listening and ending. */
#ifndef T_BENCH_MILTER_H
#define T_BENCH_MILTER_H

#include <libmilter/mfapi.h>

/*
 * Serve desc on socket ("unix:PATH" or "inet:PORT@HOST") until SIGTERM.
 * Returns an exit code.
 */
int milter_serve(const char *socket, struct smfiDesc *desc);

#endif
