/*
 * predicate.h - the tests that the rows of item.c name.
 *
 * Threads: they neither allocate nor lock, see item.h.
 */
#ifndef TLSPOLICY_PREDICATE_H
#define TLSPOLICY_PREDICATE_H

#include "policy/rules/item.h"

enum answer predicate_cn(const struct predicate *, struct slice,
    struct observation *) NONNULL;
enum answer predicate_cs(const struct predicate *, struct slice,
    struct observation *) NONNULL;
enum answer predicate_ci(const struct predicate *, struct slice,
    struct observation *) NONNULL;
enum answer predicate_citag(const struct predicate *, struct slice,
    struct observation *) NONNULL;
enum answer predicate_icn(const struct predicate *, struct slice,
    struct observation *) NONNULL;
enum answer predicate_fp(const struct predicate *, struct slice,
    struct observation *) NONNULL;
enum answer predicate_pkfp(const struct predicate *, struct slice,
    struct observation *) NONNULL;
/* Hex digits without regard to case and colons. */
bool predicate_same_fingerprint(struct slice, struct slice);
enum answer predicate_ver(const struct predicate *, struct slice,
    struct observation *) NONNULL;
enum answer predicate_authenticated(const struct predicate *, struct slice,
    struct observation *) NONNULL;
enum answer predicate_pfs(const struct predicate *, struct slice,
    struct observation *) NONNULL;
enum answer predicate_aead(const struct predicate *, struct slice,
    struct observation *) NONNULL;
enum answer predicate_cipher(const struct predicate *, struct slice,
    struct observation *) NONNULL;
enum answer predicate_client(const struct predicate *, struct slice,
    struct observation *) NONNULL;

#endif
