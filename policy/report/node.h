/*
 * node.h - what a report tells of each node: one row a value, and text, page,
 * CSV and JSON walk the rows.
 *
 * To add a value: its row in node.c, a paragraph in tlspolicy-report(1).
 *
 * Threads: no state.
 */
#ifndef TLSPOLICY_REPORT_NODE_H
#define TLSPOLICY_REPORT_NODE_H

#include <stdio.h>

#include "policy/base/jsontext.h"
#include "policy/report/basis.h"

struct node {
	const struct basis *basis;
	const struct basis_node *of;
	const struct fleet_node *fleet; /* NULL: none of its logs is a daemon's */
};

struct node_row {
	const char *name;   /* in CSV and JSON */
	const char *before; /* for people; NULL: they are told elsewhere */
	bool begins;	    /* a line of its own */
	/* For people short; nothing: there is nothing to tell. */
	void (*put)(const struct node *, bool people, struct text *);
	json_t *(*json)(const struct node *); /* NULL: a string, or null */
};
/* The end has name NULL. */
extern const struct node_row node_rows[];

struct node node_of(const struct basis *, const struct basis_node *);
/* "lines 1 to 95, missing none", each after `start` and before `end`. */
void node_print(const struct node *, const char *start, const char *end,
    void (*print)(FILE *, const char *), FILE *);
json_t *node_json(const struct node *);
/* The days without records, as spans. */
json_t *node_json_days(const struct basis *, const struct basis_set *days);
/* A line of names, and one for each node. */
void node_csv(const struct basis *, FILE *);

#endif
