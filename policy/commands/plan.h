/*
 * plan.h - the sub-commands of `tlspolicy plan`, which itself makes one.
 *
 * To add one: cmd-plan-NAME.c with its row, the row's name in cmd-plan.c and
 * below.
 */
#ifndef TLSPOLICY_COMMANDS_PLAN_H
#define TLSPOLICY_COMMANDS_PLAN_H

#include "policy/commands/command.h"

extern const struct command *const command_plan_table[];
extern const struct command command_plan_status, command_plan_cancel;

#endif
