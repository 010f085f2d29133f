/*
 * Order: supplementary groups and group first, since only root may change
 * them, then the user, then a test that there is no way back.  What the daemon
 * then opens (audit log, store, rules) it opens with the rights that it will
 * have when it opens them again.
 */
#include "config.h"

#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "milter/privilege.h"

bool
privilege_find(const struct settings *s, struct privilege *p, struct fault *f)
{
	const struct passwd *entry;
	unsigned long number;

	p->user[0] = '\0';
	p->uid = geteuid();
	p->gid = getegid();
	p->drop = false;
	if (s->user[0] == '\0')
		return true;
	entry = getpwnam(s->user);
	if (entry == NULL && text_number(slice_of(s->user), INT_MAX, &number))
		entry = getpwuid((uid_t)number);
	if (entry == NULL) {
		fault_set(f, FAULT_SETTINGS, "there is no user \"%s\"", s->user);
		fault_at_setting(f, "user");
		return false;
	}
	snprintf(p->user, sizeof p->user, "%s", entry->pw_name);
	if (entry->pw_uid == p->uid)
		return true;
	if (p->uid != 0) {
		fault_set(f, FAULT_SETTINGS,
		    "only root can start the daemon as \"%s\"", s->user);
		fault_at_setting(f, "user");
		return false;
	}
	p->uid = entry->pw_uid;
	p->gid = entry->pw_gid;
	p->drop = true;
	return true;
}

bool
privilege_drop(const struct privilege *p, struct fault *f)
{
	/* Nothing here executes a program: it need not be able to gain rights. */
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1)
		return fault_errno(f, FAULT_UNAVAILABLE, errno,
		    "cannot give up gaining privileges");
	if (!p->drop)
		return true;
	if (initgroups(p->user, p->gid) == -1 ||
	    setresgid(p->gid, p->gid, p->gid) == -1 ||
	    setresuid(p->uid, p->uid, p->uid) == -1)
		return fault_errno(f, FAULT_UNAVAILABLE, errno,
		    "cannot become user \"%s\"", p->user);
	if (setuid(0) == 0)
		return fault_set(f, FAULT_SOFTWARE,
		    "could become root again after becoming \"%s\"", p->user);
	return true;
}
