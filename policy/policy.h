/*
 * policy.h - what the daemon uses of the policy library, in one header.
 *
 * The order of use: settings_read(), store_open_unlocked() (after any fork); for each
 * message facts_reset(), macro_set() for what the MTA told, macro_finish(),
 * store_begin(), eval_session(), store_is_overtaken(), store_end(),
 * record_format().
 */
#ifndef TLSPOLICY_POLICY_H
#define TLSPOLICY_POLICY_H

#include "policy/audit/chain-key.h"
#include "policy/audit/chain-link.h"
#include "policy/audit/chain.h"
#include "policy/audit/checkpoint.h"
#include "policy/audit/merkle.h"
#include "policy/audit/note.h"
#include "policy/audit/person.h"
#include "policy/audit/record-plan.h"
#include "policy/audit/record-policy.h"
#include "policy/audit/record-handshake.h"
#include "policy/audit/record.h"
#include "policy/audit/salts-erase.h"
#include "policy/audit/salts.h"
#include "policy/audit/source.h"
#include "policy/audit/tail.h"
#include "policy/audit/tlsrpt.h"
#include "policy/base/arena.h"
#include "policy/base/attribute.h"
#include "policy/base/clock.h"
#include "policy/base/digest.h"
#include "policy/base/fault.h"
#include "policy/base/folder.h"
#include "policy/base/jsonput.h"
#include "policy/base/netaddr.h"
#include "policy/base/notify.h"
#include "policy/base/pool.h"
#include "policy/base/stdfile.h"
#include "policy/base/text.h"
#include "policy/base/write.h"
#include "policy/cert/expiry.h"
#include "policy/conf/settings.h"
#include "policy/conf/settings-print.h"
#include "policy/eval/eval.h"
#include "policy/facts/facts.h"
#include "policy/facts/fromfield.h"
#include "policy/facts/macro.h"
#include "policy/facts/suite.h"
#include "policy/outbound/outbound.h"
#include "policy/store/buildnote.h"
#include "policy/store/history.h"
#include "policy/store/plan.h"
#include "policy/store/store.h"
#include "policy/store/watch.h"

#endif
