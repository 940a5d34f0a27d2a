/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-flags.h: the names of the flags, what an offer holds, and how two offers combine.
 *
 * Names are those of the protocol's headers without their prefix: ADDHDRS for SMFIF_ADDHDRS,
 * NR_HDR for SMFIP_NR_HDR.
 */
#pragma once

#include "milter-spec.h"

G_BEGIN_DECLS

/**
 * MilterOffer:
 * @version: protocol version
 * @actions: #MilterActionFlags, also bits without a name
 * @steps: #MilterStepFlags, also bits without a name
 *
 * The three numbers of an OPTNEG frame, the MTA's or the milter's.
 */
typedef struct
{
  guint32 version;
  guint32 actions;
  guint32 steps;
} MilterOffer;

/**
 * MILTER_ACTIONS_ALL:
 *
 * The actions that today's MTAs offer (sendmail 8.14 and later, Postfix 2.6 and later).
 */
#define MILTER_ACTIONS_ALL 0x1ffu
/**
 * MILTER_STEPS_ALL:
 *
 * The steps that they offer.
 */
#define MILTER_STEPS_ALL   0x1fffffu

/**
 * MilterFlagSpec:
 * @bit: the flag
 * @name: its name, as `ADDHDRS`
 * @alias: (nullable): a second name of the same bit, as `MODBODY`
 * @since: the protocol version that brought it
 * @summary: one line for people
 *
 * One flag's name, and how long there has been one. Rows live for ever.
 */
typedef struct
{
  guint32 bit;
  const char *name;
  const char *alias;
  guint since;
  const char *summary;
} MilterFlagSpec;

/**
 * milter_action_flags_list: (skip)
 * @n: (out): how many
 *
 * Lists the actions in ascending order of their bits.
 *
 * Returns: (transfer none) (array length=n): the flags
 */
MILTER_AVAILABLE const MilterFlagSpec *milter_action_flags_list (gsize *n);

/**
 * milter_step_flags_list: (skip)
 * @n: (out): how many
 *
 * Lists the steps in ascending order of their bits.
 *
 * Returns: (transfer none) (array length=n): the flags
 */
MILTER_AVAILABLE const MilterFlagSpec *milter_step_flags_list (gsize *n);

/**
 * milter_action_from_name: (skip)
 * @name: a name
 * @bit: (out): the flag
 *
 * Finds an action by its name in any case, its alias, or as `0x…`.
 *
 * Returns: %FALSE if there is none
 */
MILTER_AVAILABLE gboolean milter_action_from_name (const char *name, guint32 *bit);

/**
 * milter_step_from_name: (skip)
 * @name: a name
 * @bit: (out): the flag
 *
 * Finds a step by its name in any case, its alias, or as `0x…`.
 *
 * Returns: %FALSE if there is none
 */
MILTER_AVAILABLE gboolean milter_step_from_name (const char *name, guint32 *bit);

/**
 * milter_actions_to_string: (skip)
 * @actions: #MilterActionFlags
 *
 * Writes actions as text.
 *
 * Returns: (transfer full): as `ADDHDRS,CHGHDRS,0x400`; `none` for 0; `all` for exactly the known
 *   set
 */
MILTER_AVAILABLE char *milter_actions_to_string (guint32 actions);

/**
 * milter_steps_to_string: (skip)
 * @steps: #MilterStepFlags
 *
 * Writes steps as text.
 *
 * Returns: (transfer full): as `NOHELO,NR_HDR`; `none` for 0; `all` for exactly the known set
 */
MILTER_AVAILABLE char *milter_steps_to_string (guint32 steps);
/* the largest offer that a version knows (milter-protocol 2.6): actions and steps newer than
 * @version are left out; versions above the highest count as the highest */
MILTER_AVAILABLE MilterOffer milter_offer_for_version (guint32 version);

/**
 * MilterOfferError:
 * @MILTER_OFFER_ERROR_VERSION: no version that both sides have
 * @MILTER_OFFER_ERROR_ACTIONS: actions that were not offered
 * @MILTER_OFFER_ERROR_STEPS: steps that were not offered
 *
 * Why an answer to an offer cannot stand, or an offer cannot be answered.
 */
typedef enum
{
  MILTER_OFFER_ERROR_VERSION,
  MILTER_OFFER_ERROR_ACTIONS,
  MILTER_OFFER_ERROR_STEPS
} MilterOfferError;

#define MILTER_OFFER_ERROR (milter_offer_error_quark ())
MILTER_AVAILABLE GQuark milter_offer_error_quark (void);

/**
 * milter_offer_check_answer: (skip)
 * @offer: the MTA's offer
 * @answer: the milter's answer
 * @error: return location for an error
 *
 * For an MTA: whether @answer is legal for @offer: a version not above it and not below 2, no
 * action and no step that was not offered.
 *
 * Returns: %FALSE if not: @error, in the domain %MILTER_OFFER_ERROR, names the surplus flags
 */
MILTER_AVAILABLE gboolean milter_offer_check_answer (const MilterOffer *offer,
                                                     const MilterOffer *answer,
                                                     GError **error);

/**
 * milter_offer_settle: (skip)
 * @offer: the MTA's offer
 * @answer: the milter's answer
 *
 * For an MTA: what holds after the answer: the lower version; steps that the version implies (no
 * UNKNOWN before 3, no DATA before 4) are set.
 *
 * Returns: what holds
 */
MILTER_AVAILABLE MilterOffer milter_offer_settle (const MilterOffer *offer,
                                                  const MilterOffer *answer);

/**
 * milter_offer_answer: (skip)
 * @offer: the MTA's offer
 * @required: actions that the program needs
 * @wanted: steps that it wants
 * @answer: (out caller-allocates): the answer
 * @error: return location for an error
 *
 * For a milter, by the rules of libmilter: answers @offer for a program that needs @required
 * actions and wants @wanted steps. NODATA, NOUNKNOWN and NR_… that are not offered are dropped; any
 * other step or an action that is missing is an error (close without an answer). Offered words of 0
 * count as 0x0f actions and 0x3f steps.
 *
 * Returns: %FALSE if the offer lacks what is needed
 */
MILTER_AVAILABLE gboolean milter_offer_answer (const MilterOffer *offer,
                                               guint32 required,
                                               guint32 wanted,
                                               MilterOffer *answer,
                                               GError **error);

G_END_DECLS
