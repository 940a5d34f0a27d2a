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

/* what today's MTAs offer (sendmail 8.14 and later, Postfix 2.6 and later) */
#define MILTER_ACTIONS_ALL 0x1ffu
#define MILTER_STEPS_ALL   0x1fffffu

/* one flag's name, and how long there has been one */
typedef struct
{
  guint32 bit;
  const char *name;    /* "ADDHDRS" */
  const char *alias;   /* (nullable) a second name of the same bit: "MODBODY" */
  guint since;         /* version */
  const char *summary;
} MilterFlagSpec;

/* the flags in ascending order of their bits */
MILTER_AVAILABLE const MilterFlagSpec *milter_action_flags_list (gsize *n);
MILTER_AVAILABLE const MilterFlagSpec *milter_step_flags_list (gsize *n);

/* A flag by name in any case, or by alias, or 0x…; FALSE if there is none. */
MILTER_AVAILABLE gboolean milter_action_from_name (const char *name, guint32 *bit);
MILTER_AVAILABLE gboolean milter_step_from_name (const char *name, guint32 *bit);

/* `ADDHDRS,CHGHDRS,0x400`; `none` for 0; `all` for exactly the known set. (transfer full) */
MILTER_AVAILABLE char *milter_actions_to_string (guint32 actions);
MILTER_AVAILABLE char *milter_steps_to_string (guint32 steps);

/* the largest offer that a version knows (milter-protocol 2.6): actions and steps newer than
 * @version are left out; versions above the highest count as the highest */
MILTER_AVAILABLE MilterOffer milter_offer_for_version (guint32 version);

/**
 * MilterOfferError:
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

/* MTA side: whether @answer is legal for @offer: a version not above it and not below 2, no
 * action and no step that was not offered. The error names the surplus flags. */
MILTER_AVAILABLE gboolean milter_offer_check_answer (const MilterOffer *offer,
                                                     const MilterOffer *answer,
                                                     GError **error);
/* MTA side: what holds after the answer: the lower version; steps that the version implies (no
 * UNKNOWN before 3, no DATA before 4) are set. */
MILTER_AVAILABLE MilterOffer milter_offer_settle (const MilterOffer *offer,
                                                  const MilterOffer *answer);
/* Milter side, the rules of libmilter: the answer to @offer for a program that needs @required
 * actions and wants @wanted steps. NODATA, NOUNKNOWN and NR_… that are not offered are dropped;
 * any other step or an action that is missing is an error (close without an answer). Offered words
 * of 0 count as 0x0f actions and 0x3f steps. */
MILTER_AVAILABLE gboolean milter_offer_answer (const MilterOffer *offer,
                                               guint32 required,
                                               guint32 wanted,
                                               MilterOffer *answer,
                                               GError **error);

G_END_DECLS
