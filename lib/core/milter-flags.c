/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-flags.c: the names of the flags, what a version offers, and how two offers combine.
 *
 * Sources: milter-protocol 2.3 (bits), 2.4 (negotiation), 2.6 (versions).
 */
#include "milter-flags.h"

#include <stdbool.h>

G_DEFINE_QUARK (milter-offer-error-quark, milter_offer_error)

/* clang-format off */
static const MilterFlagSpec actions[] = {
  /* bit                                                  name           alias      since summary */
  { MILTER_ACTION_ADD_HEADERS,                            "ADDHDRS",     NULL,      1, "may add and insert header fields" },
  { MILTER_ACTION_CHANGE_BODY,                            "CHGBODY",     "MODBODY", 1, "may replace the body" },
  { MILTER_ACTION_ADD_ENVELOPE_RECIPIENT,                 "ADDRCPT",     NULL,      1, "may add recipients" },
  { MILTER_ACTION_DELETE_ENVELOPE_RECIPIENT,              "DELRCPT",     NULL,      1, "may take recipients out" },
  { MILTER_ACTION_CHANGE_HEADERS,                         "CHGHDRS",     NULL,      2, "may change and delete header fields" },
  { MILTER_ACTION_QUARANTINE,                             "QUARANTINE",  NULL,      2, "may hold the message" },
  { MILTER_ACTION_CHANGE_ENVELOPE_FROM,                   "CHGFROM",     NULL,      6, "may change the sender" },
  { MILTER_ACTION_ADD_ENVELOPE_RECIPIENT_WITH_PARAMETERS, "ADDRCPT_PAR", NULL,      6, "may add recipients with ESMTP arguments" },
  { MILTER_ACTION_SET_SYMBOL_LIST,                        "SETSYMLIST",  NULL,      6, "may ask for its own lists of macros" },
};

static const MilterFlagSpec steps[] = {
  /* bit                                         name           alias      since summary */
  { MILTER_STEP_NO_CONNECT,                      "NOCONNECT",   NULL,      1, "is not sent connect" },
  { MILTER_STEP_NO_HELO,                         "NOHELO",      NULL,      1, "is not sent helo" },
  { MILTER_STEP_NO_ENVELOPE_FROM,                "NOMAIL",      NULL,      1, "is not sent mail" },
  { MILTER_STEP_NO_ENVELOPE_RECIPIENT,           "NORCPT",      NULL,      1, "is not sent rcpt" },
  { MILTER_STEP_NO_BODY,                         "NOBODY",      NULL,      1, "is not sent body" },
  { MILTER_STEP_NO_HEADERS,                      "NOHDRS",      NULL,      1, "is not sent header" },
  { MILTER_STEP_NO_END_OF_HEADER,                "NOEOH",       NULL,      2, "is not sent eoh" },
  { MILTER_STEP_NO_REPLY_HEADER,                 "NR_HDR",      "NOHREPL", 6, "does not answer header" },
  { MILTER_STEP_NO_UNKNOWN,                      "NOUNKNOWN",   NULL,      3, "is not sent unknown" },
  { MILTER_STEP_NO_DATA,                         "NODATA",      NULL,      4, "is not sent data" },
  { MILTER_STEP_SKIP,                            "SKIP",        NULL,      6, "may answer skip" },
  { MILTER_STEP_ENVELOPE_RECIPIENT_REJECTED,     "RCPT_REJ",    NULL,      6, "is sent recipients that the MTA refused, too" },
  { MILTER_STEP_NO_REPLY_CONNECT,                "NR_CONN",     NULL,      6, "does not answer connect" },
  { MILTER_STEP_NO_REPLY_HELO,                   "NR_HELO",     NULL,      6, "does not answer helo" },
  { MILTER_STEP_NO_REPLY_ENVELOPE_FROM,          "NR_MAIL",     NULL,      6, "does not answer mail" },
  { MILTER_STEP_NO_REPLY_ENVELOPE_RECIPIENT,     "NR_RCPT",     NULL,      6, "does not answer rcpt" },
  { MILTER_STEP_NO_REPLY_DATA,                   "NR_DATA",     NULL,      6, "does not answer data" },
  { MILTER_STEP_NO_REPLY_UNKNOWN,                "NR_UNKN",     NULL,      6, "does not answer unknown" },
  { MILTER_STEP_NO_REPLY_END_OF_HEADER,          "NR_EOH",      NULL,      6, "does not answer eoh" },
  { MILTER_STEP_NO_REPLY_BODY,                   "NR_BODY",     NULL,      6, "does not answer body" },
  { MILTER_STEP_HEADER_VALUE_WITH_LEADING_SPACE, "HDR_LEADSPC", NULL,      6, "header values keep the blank behind the colon" },
  { MILTER_STEP_MDS_256K,                        "MDS_256K",    NULL,      6, "payloads of up to 262143 bytes" },
  { MILTER_STEP_MDS_1M,                          "MDS_1M",      NULL,      6, "payloads of up to 1048575 bytes" },
};
/* clang-format on */

#define MDS_MASK (MILTER_STEP_MDS_256K | MILTER_STEP_MDS_1M)

/* what an offered word of 0 stands for (libmilter): the sets of protocol version 1 */
#define ACTIONS_VERSION_1 0x0fu
#define STEPS_VERSION_1   0x3fu

/* steps that libmilter drops without a word if the MTA does not know them. The data sizes are
 * among them: there is no bit for the default size, which is what remains. */
#define STEPS_TO_DROP                                                                              \
  (MILTER_STEP_NO_DATA | MILTER_STEP_NO_UNKNOWN | MILTER_STEP_NO_REPLY_MASK | MDS_MASK)

const MilterFlagSpec *
milter_action_flags_list (gsize *n)
{
  *n = G_N_ELEMENTS (actions);
  return actions;
}

const MilterFlagSpec *
milter_step_flags_list (gsize *n)
{
  *n = G_N_ELEMENTS (steps);
  return steps;
}

static bool
flag_from_number (const char *digits, guint32 *bit)
{
  guint64 number;

  if (!g_ascii_string_to_unsigned (digits, 16, 0, G_MAXUINT32, &number, /* error= */ NULL))
    return false;
  *bit = (guint32) number;
  return true;
}

static bool
flag_from_name (const MilterFlagSpec *flags, gsize n, const char *name, guint32 *bit)
{
  if (g_ascii_strncasecmp (name, "0x", 2) == 0)
    return flag_from_number (name + 2, bit);
  for (gsize i = 0; i < n; i++)
    if (g_ascii_strcasecmp (flags[i].name, name) == 0
        || (flags[i].alias != NULL && g_ascii_strcasecmp (flags[i].alias, name) == 0))
      {
        *bit = flags[i].bit;
        return true;
      }
  return false;
}

gboolean
milter_action_from_name (const char *name, guint32 *bit)
{
  return flag_from_name (actions, G_N_ELEMENTS (actions), name, bit);
}

gboolean
milter_step_from_name (const char *name, guint32 *bit)
{
  return flag_from_name (steps, G_N_ELEMENTS (steps), name, bit);
}

static void
append_flag (GString *text, const char *name)
{
  if (text->len > 0)
    g_string_append_c (text, ',');
  g_string_append (text, name);
}

static char *
flags_to_string (const MilterFlagSpec *flags, gsize n, guint32 all, guint32 word)
{
  g_autoptr (GString) text = g_string_new (NULL);
  guint32 rest = word;

  if (word == 0)
    return g_strdup ("none");
  if (word == all)
    return g_strdup ("all");
  for (gsize i = 0; i < n; i++)
    if (word & flags[i].bit)
      {
        append_flag (text, flags[i].name);
        rest &= ~flags[i].bit;
      }
  if (rest != 0)
    {
      g_autofree char *number = g_strdup_printf ("0x%x", rest);

      append_flag (text, number);
    }
  return g_string_free (g_steal_pointer (&text), /* free_segment= */ FALSE);
}

char *
milter_actions_to_string (guint32 word)
{
  return flags_to_string (actions, G_N_ELEMENTS (actions), MILTER_ACTIONS_ALL, word);
}

char *
milter_steps_to_string (guint32 word)
{
  return flags_to_string (steps, G_N_ELEMENTS (steps), MILTER_STEPS_ALL, word);
}

static guint32
flags_since (const MilterFlagSpec *flags, gsize n, guint32 version)
{
  guint32 word = 0;

  for (gsize i = 0; i < n; i++)
    if (flags[i].since <= version)
      word |= flags[i].bit;
  return word;
}

/**
 * milter_offer_for_version: (skip)
 * @version: a protocol version
 *
 * Returns: the largest offer of that version. The data sizes are not in it: an MTA offers one
 *   only if it was built for it.
 */
MilterOffer
milter_offer_for_version (guint32 version)
{
  guint32 known = MIN (version, MILTER_PROTOCOL_VERSION_MAX);

  return (MilterOffer){
    .version = known,
    .actions = flags_since (actions, G_N_ELEMENTS (actions), known) & MILTER_ACTIONS_ALL,
    .steps = flags_since (steps, G_N_ELEMENTS (steps), known) & MILTER_STEPS_ALL,
  };
}

gboolean
milter_offer_check_answer (const MilterOffer *offer, const MilterOffer *answer, GError **error)
{
  if (answer->version > offer->version || answer->version < MILTER_PROTOCOL_VERSION_MIN)
    {
      g_set_error (error,
                   MILTER_OFFER_ERROR,
                   MILTER_OFFER_ERROR_VERSION,
                   "the milter answered version %u to an offer of %u; %u to %u would be right",
                   answer->version,
                   offer->version,
                   MILTER_PROTOCOL_VERSION_MIN,
                   offer->version);
      return FALSE;
    }
  if (answer->actions & ~offer->actions)
    {
      g_autofree char *surplus = milter_actions_to_string (answer->actions & ~offer->actions);

      g_set_error (error,
                   MILTER_OFFER_ERROR,
                   MILTER_OFFER_ERROR_ACTIONS,
                   "the milter took actions that were not offered: %s",
                   surplus);
      return FALSE;
    }
  if (answer->steps & ~offer->steps)
    {
      g_autofree char *surplus = milter_steps_to_string (answer->steps & ~offer->steps);

      g_set_error (error,
                   MILTER_OFFER_ERROR,
                   MILTER_OFFER_ERROR_STEPS,
                   "the milter took steps that were not offered: %s",
                   surplus);
      return FALSE;
    }
  return TRUE;
}

MilterOffer
milter_offer_settle (const MilterOffer *offer, const MilterOffer *answer)
{
  /* both sides go by the answer's words from here on, also where they should not stand */
  MilterOffer settled = *answer;

  settled.version = MIN (offer->version, answer->version);
  if (settled.version < 3)
    settled.steps |= MILTER_STEP_NO_UNKNOWN;
  if (settled.version < 4)
    settled.steps |= MILTER_STEP_NO_DATA;
  return settled;
}

/* of two data sizes that both sides know the larger one is taken */
static guint32
settle_data_size (guint32 word)
{
  return word & MILTER_STEP_MDS_1M ? word & ~(guint32) MILTER_STEP_MDS_256K : word;
}

gboolean
milter_offer_answer (const MilterOffer *offer,
                     guint32 required,
                     guint32 wanted,
                     MilterOffer *answer,
                     GError **error)
{
  guint32 offered_actions = offer->actions == 0 ? ACTIONS_VERSION_1 : offer->actions;
  guint32 offered_steps = offer->steps == 0 ? STEPS_VERSION_1 : offer->steps;
  guint32 missing_steps = wanted & ~offered_steps & ~(guint32) STEPS_TO_DROP;

  if (offer->version < MILTER_PROTOCOL_VERSION_MIN)
    {
      g_set_error (error,
                   MILTER_OFFER_ERROR,
                   MILTER_OFFER_ERROR_VERSION,
                   "the MTA offers version %u; the lowest there is, is %u",
                   offer->version,
                   MILTER_PROTOCOL_VERSION_MIN);
      return FALSE;
    }
  if (required & ~offered_actions)
    {
      g_autofree char *missing = milter_actions_to_string (required & ~offered_actions);

      g_set_error (error,
                   MILTER_OFFER_ERROR,
                   MILTER_OFFER_ERROR_ACTIONS,
                   "the MTA does not offer the actions that are needed: %s",
                   missing);
      return FALSE;
    }
  if (missing_steps != 0)
    {
      g_autofree char *missing = milter_steps_to_string (missing_steps);

      g_set_error (error,
                   MILTER_OFFER_ERROR,
                   MILTER_OFFER_ERROR_STEPS,
                   "the MTA does not offer the steps that are needed: %s",
                   missing);
      return FALSE;
    }

  *answer = (MilterOffer){
    .version = MIN (offer->version, MILTER_PROTOCOL_VERSION_MAX),
    .actions = required,
    .steps = settle_data_size (wanted & offered_steps),
  };
  return TRUE;
}
