/*
 * salts-erase.h - the folder of salts as its owner has it: opened, and people
 * erased in it.
 *
 * Erased is what is written over, brought to the disk, and then taken away: on
 * a file system that writes elsewhere, on flash, in snapshots and backups the
 * old bytes may stay.  Whoever is stopped in between can be asked again.
 *
 * Threads: no state.
 */
#ifndef TLSPOLICY_AUDIT_SALTS_ERASE_H
#define TLSPOLICY_AUDIT_SALTS_ERASE_H

#include "policy/audit/salts.h"

/*
 * A descriptor of the folder, in the state folder, with `make` made when it is
 * not there.  -1 with a fault, FAULT_NOINPUT: it is not there; else it cannot be
 * opened, or others could look into it or choose what lies there.
 */
int salts_erase_open(const char *state_folder, bool make, struct fault *)
    MUST_CHECK NONNULL;
/*
 * A day's file, to be written at its end, with `make` made when it is not
 * there.  -1 with a fault: it is not this user's alone.
 */
int salts_erase_file(int dir, const char *name, bool make, struct fault *)
    MUST_CHECK NONNULL;

/* A whole day.  False with a fault: it may be there still, in part. */
bool salts_erase_day(int dir, const char *name, struct fault *)
    MUST_CHECK NONNULL;

/* The names of all days in the folder, in order; to be freed each and all. */
char **salts_erase_days(int dir, size_t *n, struct fault *) MUST_CHECK NONNULL;
void salts_erase_days_free(char **, size_t n);

/* Does the value stand in the text, as words? */
bool salts_erase_names(struct slice text, struct slice value);

/* Is this value one of them?  It is decoded. */
typedef bool salts_erase_match(void *arg, enum person_kind, struct slice value);

struct salts_erased {
	uint64_t entries, erased; /* values looked at; of these erased */
};

/*
 * All values of a day that match, and each text and rule in which one of those
 * stands.  `really` false: they are only counted.
 */
bool salts_erase_people(int dir, const char *name, salts_erase_match *,
    void *arg, bool really, struct salts_erased *, struct fault *) MUST_CHECK;

#endif
