/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-responder-answer.c: what stands behind `=>` of a rule, as frames.
 *
 * Nothing is checked: a rule sends what it says, wherever it says it.
 */
#include "milter-responder-private.h"

#include <string.h>

#include "milter-payload.h"

/* --- negotiation ------------------------------------------------------------------------------ */

/* what an offer is answered with by itself: every action offered, no step, version up to 6 */
static MilterOffer
default_offer (const MilterSession *session)
{
  return (MilterOffer){ .version = MIN (session->offer.version, MILTER_PROTOCOL_VERSION_MAX),
                        .actions = session->offer.actions };
}

/* a list with signs asks for what is to be had; one without is sent as it is */
static guint32
limit_flags (guint32 flags, const MilterFlagList *list, guint32 offered)
{
  return list->given && list->relative ? flags & offered : flags;
}

static void
append_options (GByteArray *bytes, const MilterNegotiateArgs *args, const MilterSession *session)
{
  MilterOffer base = default_offer (session);
  MilterOffer answer = args != NULL ? milter_offer_from_args (&base, args) : base;
  g_autoptr (GBytes) payload = NULL;

  if (args != NULL)
    {
      answer.actions = limit_flags (answer.actions, &args->actions, session->offer.actions);
      answer.steps = limit_flags (answer.steps, &args->steps, session->offer.steps);
    }
  payload = milter_payload_negotiate (&answer, args);
  milter_frame_append (MILTER_REPLY_NEGOTIATE, milter_payload_view (payload), bytes);
}

/* --- edits ------------------------------------------------------------------------------------ */

/* the field that is meant if none is said: inserted on top, the first one changed */
static guint32
get_index (const MilterAnswerPattern *edit)
{
  if (edit->has_index)
    return edit->index;
  return edit->spec->letter == MILTER_REPLY_CHANGE_HEADER ? 1 : 0;
}

static MilterBytes
get_value (const MilterAnswerPattern *edit)
{
  return edit->value != NULL ? milter_pattern_get_literal (edit->value) : milter_bytes (NULL, 0);
}

/* of a field the blank behind the colon travels only with HDR_LEADSPC (milter-protocol 3.8) */
static void
append_value (GByteArray *payload, const MilterAnswerPattern *edit, const MilterSession *session)
{
  if (edit->name != NULL && edit->leading_blank
      && (session->agreed.steps & MILTER_STEP_HEADER_VALUE_WITH_LEADING_SPACE) != 0)
    milter_payload_append (payload, milter_bytes (" ", 1));
  milter_payload_append_string (payload, get_value (edit));
}

/* ESMTP arguments are one string, if there are any */
static void
append_arguments (GByteArray *payload, const MilterAnswerPattern *edit)
{
  for (guint i = 0; i < edit->patterns->len; i++)
    {
      milter_payload_append (payload, milter_bytes (" ", i > 0 ? 1 : 0));
      milter_payload_append (payload,
                             milter_pattern_get_literal (g_ptr_array_index (edit->patterns, i)));
    }
  if (edit->patterns->len > 0)
    milter_payload_append_string (payload, milter_bytes (NULL, 0));
}

static void
append_field (GByteArray *payload,
              const MilterFieldSpec *field,
              const MilterAnswerPattern *edit,
              const MilterSession *session)
{
  switch (field->layout)
    {
    case MILTER_LAYOUT_U32:
      milter_payload_append_u32 (payload, get_index (edit));
      return;
    case MILTER_LAYOUT_STRING:
      if (strcmp (field->name, "name") == 0)
        milter_payload_append_string (payload, milter_payload_view (edit->name));
      else
        append_value (payload, edit, session);
      return;
    case MILTER_LAYOUT_STRINGS:
      append_arguments (payload, edit);
      return;
    case MILTER_LAYOUT_NONE:
    case MILTER_LAYOUT_PAIRS:
    case MILTER_LAYOUT_BYTE:
    case MILTER_LAYOUT_REST:
    case MILTER_LAYOUT_SYMBOL_LISTS:
    case MILTER_LAYOUT_ADDRESS:
      return;
    }
}

/* cut as libmilter cuts it; an empty body is an empty frame */
static void
append_body (GByteArray *bytes, guint8 letter, MilterBytes body)
{
  do
    {
      gsize n = MIN (body.size, MILTER_BODY_CHUNK_MAX);

      milter_frame_append (letter, milter_bytes (body.data, n), bytes);
      body = milter_bytes (body.data + n, body.size - n);
    }
  while (body.size > 0);
}

static void
append_edit (GByteArray *bytes, const MilterAnswerPattern *edit, const MilterSession *session)
{
  g_autoptr (GByteArray) payload = g_byte_array_new ();

  if (edit->spec->letter == MILTER_REPLY_REPLACE_BODY)
    {
      append_body (bytes, edit->spec->letter, get_value (edit));
      return;
    }
  for (guint i = 0; i < MILTER_SPEC_MAX_FIELDS; i++)
    append_field (payload, &edit->spec->fields[i], edit, session);
  milter_frame_append (edit->spec->letter, milter_bytes (payload->data, payload->len), bytes);
}

/* --- answers ---------------------------------------------------------------------------------- */

static bool
append_code (GByteArray *bytes, const MilterAnswerPattern *reply, GError **error)
{
  GString *text = milter_payload_reply_code (reply, error);

  if (text == NULL)
    return false;
  milter_frame_append (reply->spec->letter, milter_bytes (text->str, text->len + 1), bytes);
  g_string_free (text, TRUE);
  return true;
}

bool
milter_answer_append (GByteArray *bytes,
                      const MilterAnswerPattern *answer,
                      const MilterSession *session,
                      GError **error)
{
  switch (answer->kind)
    {
    case MILTER_ANSWER_KIND_REPLY:
      milter_frame_append (answer->spec->letter, milter_bytes (NULL, 0), bytes);
      return true;
    case MILTER_ANSWER_KIND_CODE:
      return append_code (bytes, answer, error);
    case MILTER_ANSWER_KIND_NEGOTIATE:
      append_options (bytes, &answer->negotiate, session);
      return true;
    case MILTER_ANSWER_KIND_FRAME:
      milter_frame_append (answer->letter, milter_payload_view (answer->bytes), bytes);
      return true;
    case MILTER_ANSWER_KIND_RAW:
      milter_payload_append (bytes, milter_payload_view (answer->bytes));
      return true;
    case MILTER_ANSWER_KIND_EDIT:
      append_edit (bytes, answer, session);
      return true;
    case MILTER_ANSWER_KIND_NONE:
    case MILTER_ANSWER_KIND_ANY:
    case MILTER_ANSWER_KIND_CLOSED:
    case MILTER_ANSWER_KIND_RESET:
      return true;
    }
  g_return_val_if_reached (true);
}

/* A line that says how the command is answered. `close after N bytes` is none: there have to be
 * bytes for it to cut. */
static bool
is_reply (const MilterExpectation *line)
{
  const MilterStep *act = line->act;

  if (act != NULL)
    return (act->kind == MILTER_STEP_KIND_CLOSE || act->kind == MILTER_STEP_KIND_RESET)
           && (!act->has_after || act->number == 0);
  return ((const MilterAnswerPattern *) g_ptr_array_index (line->answers, 0))->kind
         != MILTER_ANSWER_KIND_EDIT;
}

static bool
has_reply (const MilterRule *rule)
{
  for (guint i = 0; rule != NULL && i < rule->expectations->len; i++)
    if (is_reply (g_ptr_array_index (rule->expectations, i)))
      return true;
  return false;
}

static void
append_default (GByteArray *bytes, guint8 letter, const MilterSession *session)
{
  if (letter == MILTER_COMMAND_NEGOTIATE)
    append_options (bytes, /* args= */ NULL, session);
  else if (milter_session_is_answered (session, letter))
    milter_frame_append (MILTER_REPLY_CONTINUE, milter_bytes (NULL, 0), bytes);
}

void
milter_rule_answer_append (MilterRuleAnswer *answer,
                           const MilterRule *rule,
                           guint8 letter,
                           const MilterSession *session)
{
  for (guint i = 0; rule != NULL && i < rule->expectations->len; i++)
    {
      const MilterExpectation *line = g_ptr_array_index (rule->expectations, i);
      MilterAnswerAct act = { answer->bytes->len, line->act };

      if (line->act != NULL)
        g_array_append_val (answer->acts, act);
      else
        {
          /* the parser has tried it */
          bool ok = milter_answer_append (
              answer->bytes, g_ptr_array_index (line->answers, 0), session, /* error= */ NULL);

          g_assert (ok);
        }
    }
  if (!has_reply (rule))
    append_default (answer->bytes, letter, session);
}
