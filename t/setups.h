/*
 * setups.h - MTAs that are not there: what postconf(1) and postmap(1) would print,
 * or a sendmail's file, is a table's, and doctor looks at it.
 *
 * For tests linked with --wrap=capture and the others of setups.c.
 */
#ifndef TLSPOLICY_T_SETUPS_H
#define TLSPOLICY_T_SETUPS_H

#include <stdbool.h>
#include <stddef.h>

#define OURS "unix:/run/tlspolicy/milter.sock"

/*
 * What a row has stands before the parameters of a Postfix in which there is
 * nothing to find; services "": those of setups.c.
 */
struct set_up {
	const char *name, *main, *own, *services, *want;
};

/* The settings of the daemon, and what is printed of what is found. */
struct doctored {
	const char *socket, *set_socket; /* NULL: OURS */
	const char *socketmap, *level;	/* NULL: "off", "may" */
	const char *user;		/* NULL: root's */
	const char *exclude;		/* NULL: "" */
	const char *rules;		/* NULL: none were read */
	const char *tables; /* "TABLE KEY VALUE" lines; "TABLE KEY !WHY" */
	bool unit;   /* the socket unit is installed */
	bool down;   /* nobody listens at the socketmap */
	bool if_rules; /* print what is one only while there are rules */
	bool trials; /* print what is to be tried */
	bool lines;  /* and the lines that mend */
};

void setups_look_postfix(const struct doctored *, const struct set_up *,
    size_t n);
/* `main` is the text of the file whose name ends in `own`: ".cf", ".mc". */
void setups_look_sendmail(const struct doctored *, const struct set_up *,
    size_t n);

#endif
