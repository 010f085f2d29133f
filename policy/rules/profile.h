/*
 * profile.h - the requirement of a line AS:profile, put together.
 *
 *     Profile:bank              PERM+VERIFY:128+VER:1.2++PFS
 *     TLS_From:partner.example  AS:bank++CN:.partner.example
 *
 * Class, need and bits are the profile's, and all items of both must hold.  Of a
 * kind of which any one will do only one of the two may have any, as another one
 * would make the other's weaker; of VER the later counts.  BY and MSG are the
 * line's own, else the profile's.  Conditions (FROM, UNTIL, WHEN) belong to the
 * line.  One level: a profile names none.
 *
 * The store keeps lines as they are written; they are put together when one is
 * looked up, which takes no memory.
 *
 * Threads: no state.
 */
#ifndef TLSPOLICY_PROFILE_H
#define TLSPOLICY_PROFILE_H

#include "policy/base/fault.h"
#include "policy/rules/requirement.h"

/*
 * The line becomes what it asks for; its slices point into both texts then.  On
 * failure fills the fault, with the column in the line's text, and leaves the
 * line as it was.
 */
bool profile_join(struct requirement *line, const struct requirement *profile,
    enum tag, struct fault *) MUST_CHECK NONNULL;

#endif
