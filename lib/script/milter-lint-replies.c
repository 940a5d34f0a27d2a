/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-lint-replies.c: which replies may come, and when.
 */
#include "milter-lint-private.h"

#include <string.h>

#include "milter-text.h"

/* --- words ------------------------------------------------------------------------------------ */

void
milter_lint_append_quoted (GString *what, MilterBytes bytes)
{
  milter_text_append_quoted (bytes, MILTER_TEXT_SHORT, what);
}

void
milter_lint_append_name (GString *what, const MilterMessage *message)
{
  if (message->spec != NULL)
    {
      g_string_append (what, message->spec->word);
      return;
    }
  g_string_append (what, "the letter ");
  milter_lint_append_quoted (what, milter_bytes (&message->letter, 1));
}

const char *
milter_lint_command (guint8 letter)
{
  const MilterSpec *spec = milter_spec_get (MILTER_SIDE_MTA, letter);

  return spec != NULL ? spec->word : "nothing";
}

void
milter_lint_append_answers (GString *what, const MilterLintEvent *event)
{
  milter_lint_append_name (what, event->message);
  g_string_append_printf (what, " came as the answer to %s", milter_lint_command (event->due));
}

bool
milter_lint_append_fault (GString *what, const MilterMessage *message)
{
  g_autoptr (GError) error = NULL;

  if (message->spec == NULL || message->fault == MILTER_NO_FAULT)
    return false;
  error = milter_message_get_fault (message);
  g_string_append (what, error->message);
  return true;
}

/* --- frames ----------------------------------------------------------------------------------- */

bool
milter_lint_unreadable (const MilterLintEvent *event, GString *what)
{
  if (event->garbage != NULL)
    {
      g_string_append_printf (what, "bytes came that are no frame: %s", event->garbage);
      return true;
    }
  if (event->leftover == 0)
    return false;
  g_string_append_printf (what,
                          "the connection ended within a frame, of which %" G_GSIZE_FORMAT " byte%s came",
                          event->leftover,
                          event->leftover == 1 ? "" : "s");
  return true;
}

bool
milter_lint_unknown_letter (const MilterLintEvent *event, GString *what)
{
  if (event->message->spec != NULL)
    return false;
  milter_lint_append_name (what, event->message);
  g_string_append (what, " came, which is no reply");
  return true;
}

bool
milter_lint_payload (const MilterLintEvent *event, GString *what)
{
  return milter_lint_append_fault (what, event->message);
}

/* --- a reply while none is due ---------------------------------------------------------------- */

typedef enum
{
  ASKED,
  TWICE,           /* the end of the message was answered before */
  UNASKED,
  SILENT_HEADER,   /* the milter negotiated not to answer */
  SILENT_BODY,
  SILENT_OTHER
} Unasked;

/* Which rule a reply breaks that nobody waits for; one of them, so that it is told once. */
static Unasked
why_unasked (const MilterLintEvent *event)
{
  const MilterLintPeer *peer = event->peer;
  guint8 last = peer->last_command;

  if (event->due != 0 || event->message->spec == NULL || milter_lint_is_between (event->message))
    return ASKED;
  if ((peer->silent & milter_lint_bit (last)) != 0)
    return last == MILTER_COMMAND_HEADER ? SILENT_HEADER
           : last == MILTER_COMMAND_BODY ? SILENT_BODY
                                         : SILENT_OTHER;
  /* an answer too many is taken for that to the next command (milter-protocol 7), so that it shows
   * behind the last one */
  if (peer->silent != 0)
    return SILENT_OTHER;
  return last == MILTER_COMMAND_END_OF_MESSAGE ? TWICE : UNASKED;
}

static bool
tell_unasked (const MilterLintEvent *event, GString *what)
{
  guint8 last = event->peer->last_command;

  milter_lint_append_name (what, event->message);
  if (last == 0)
    g_string_append (what, " came before anything was sent");
  else
    g_string_append_printf (what, " came after %s, when no answer was due", milter_lint_command (last));
  return true;
}

bool
milter_lint_unasked (const MilterLintEvent *event, GString *what)
{
  return why_unasked (event) == UNASKED && tell_unasked (event, what);
}

bool
milter_lint_second_verdict (const MilterLintEvent *event, GString *what)
{
  if (why_unasked (event) != TWICE)
    return false;
  milter_lint_append_name (what, event->message);
  g_string_append (what, " came after eom, which had been answered");
  return true;
}

static bool
tell_silent (const MilterLintEvent *event, Unasked why, GString *what)
{
  g_autofree char *names = NULL;

  if (why_unasked (event) != why)
    return false;
  names = milter_steps_to_string (event->peer->session.agreed.steps & MILTER_STEP_NO_REPLY_MASK);
  tell_unasked (event, what);
  g_string_append_printf (what, "; the milter negotiated %s", names);
  if (why == SILENT_OTHER)
    g_string_append (what, ", and an earlier answer may be the one too many");
  return true;
}

bool
milter_lint_unasked_silent (const MilterLintEvent *event, GString *what)
{
  return tell_silent (event, SILENT_OTHER, what);
}

bool
milter_lint_unasked_header (const MilterLintEvent *event, GString *what)
{
  return tell_silent (event, SILENT_HEADER, what);
}

bool
milter_lint_unasked_body (const MilterLintEvent *event, GString *what)
{
  return tell_silent (event, SILENT_BODY, what);
}

/* --- a reply that cannot answer the command ---------------------------------------------------- */

/* a reply that ends the wait, and may not answer the command that waits; the letters that never
 * travel have a row of their own */
static bool
is_wrong (const MilterLintEvent *event)
{
  const MilterSpec *spec = event->message->spec;

  return event->due != 0 && spec != NULL && !milter_lint_is_between (event->message)
         && strchr ("fl", spec->letter) == NULL && strchr (spec->answers, event->due) == NULL;
}

bool
milter_lint_wrong_reply (const MilterLintEvent *event, GString *what)
{
  /* those have rows of their own */
  if (!is_wrong (event) || event->message->letter == MILTER_REPLY_SKIP
      || strchr ("OUC", event->due) != NULL)
    return false;
  milter_lint_append_answers (what, event);
  return true;
}

bool
milter_lint_wrong_at_connect (const MilterLintEvent *event, GString *what)
{
  if (event->due != MILTER_COMMAND_CONNECT || !is_wrong (event))
    return false;
  milter_lint_append_answers (what, event);
  return true;
}

static bool
is_wrong_at_unknown (const MilterLintEvent *event)
{
  return event->due == MILTER_COMMAND_UNKNOWN && is_wrong (event);
}

/* within a message sendmail and Postfix pass over it; outside of one see the next */
static bool
kills_postfix (const MilterLintEvent *event)
{
  return is_wrong_at_unknown (event) && strchr ("ad", event->message->letter) != NULL
         && !milter_session_in_message (&event->peer->session);
}

bool
milter_lint_wrong_at_unknown (const MilterLintEvent *event, GString *what)
{
  if (!is_wrong_at_unknown (event) || kills_postfix (event))
    return false;
  milter_lint_append_answers (what, event);
  return true;
}

bool
milter_lint_decided_at_unknown (const MilterLintEvent *event, GString *what)
{
  if (!kills_postfix (event))
    return false;
  milter_lint_append_answers (what, event);
  g_string_append (what, " between messages");
  return true;
}

bool
milter_lint_skip_outside (const MilterLintEvent *event, GString *what)
{
  if (event->due == 0 || strchr ("BECUO", event->due) != NULL)
    return false;
  milter_lint_append_answers (what, event);
  return true;
}

bool
milter_lint_skip_at_end (const MilterLintEvent *event, GString *what)
{
  if (event->due != MILTER_COMMAND_END_OF_MESSAGE)
    return false;
  milter_lint_append_answers (what, event);
  return true;
}

bool
milter_lint_skip_not_offered (const MilterLintEvent *event, GString *what)
{
  if (event->due != MILTER_COMMAND_BODY
      || (event->peer->session.offer.steps & MILTER_STEP_SKIP) != 0)
    return false;
  milter_lint_append_answers (what, event);
  g_string_append (what, ", but the MTA did not offer the step SKIP");
  return true;
}

bool
milter_lint_skip_not_agreed (const MilterLintEvent *event, GString *what)
{
  const MilterSession *session = &event->peer->session;

  if (event->due != MILTER_COMMAND_BODY || (session->offer.steps & MILTER_STEP_SKIP) == 0
      || (session->agreed.steps & MILTER_STEP_SKIP) != 0)
    return false;
  milter_lint_append_answers (what, event);
  g_string_append (what, ", but the milter did not ask for the step SKIP");
  return true;
}

bool
milter_lint_never_sent (const MilterLintEvent *event, GString *what)
{
  /* that is told by other rows */
  if (event->due == MILTER_COMMAND_NEGOTIATE)
    return false;
  milter_lint_append_name (what, event->message);
  g_string_append (what, " came, whose letter never travels");
  return true;
}

bool
milter_lint_shutdown (const MilterLintEvent *event, GString *what)
{
  if (event->due == 0 || event->due == MILTER_COMMAND_NEGOTIATE)
    return false;
  milter_lint_append_answers (what, event);
  return true;
}

bool
milter_lint_too_new (const MilterLintEvent *event, GString *what)
{
  const MilterSession *session = &event->peer->session;

  if (session->state < MILTER_SESSION_READY || event->message->spec->since <= session->agreed.version)
    return false;
  milter_lint_append_name (what, event->message);
  g_string_append_printf (what,
                          " came, which is of version %u, in a session of version %u",
                          event->message->spec->since,
                          session->agreed.version);
  return true;
}

bool
milter_lint_closed (const MilterLintEvent *event, GString *what)
{
  const MilterLintPeer *peer = event->peer;

  /* closing is the answer of a milter that cannot work with the offer (milter-protocol 2.4), and
   * what was still due at QUIT is not needed */
  if (event->due == 0 || event->due == MILTER_COMMAND_NEGOTIATE || event->garbage != NULL
      || peer->last_command == MILTER_COMMAND_QUIT)
    return false;
  g_string_append_printf (
      what, "the milter closed the connection instead of answering %s", milter_lint_command (event->due));
  return true;
}

/* --- time ------------------------------------------------------------------------------------- */

bool
milter_lint_progress_outside (const MilterLintEvent *event, GString *what)
{
  /* after the answer to the end of the message it is EOM-02 */
  if (event->due == MILTER_COMMAND_END_OF_MESSAGE
      || (event->due == 0 && event->peer->last_command == MILTER_COMMAND_END_OF_MESSAGE))
    return false;
  g_string_append_printf (what,
                          "progress came after %s, not at the end of a message",
                          milter_lint_command (event->due != 0 ? event->due : event->peer->last_command));
  return true;
}

bool
milter_lint_slow (const MilterLintEvent *event, GString *what)
{
  if (event->due == 0 || strchr ("OE", event->due) != NULL || event->waited_us <= MILTER_LINT_REPLY_US)
    return false;
  milter_lint_append_answers (what, event);
  g_string_append_printf (what, " only after %.1f s", event->waited_us / 1e6);
  return true;
}

bool
milter_lint_slow_end (const MilterLintEvent *event, GString *what)
{
  if (event->due != MILTER_COMMAND_END_OF_MESSAGE)
    return false;
  if (event->waited_us > MILTER_LINT_REPLY_US)
    {
      milter_lint_append_name (what, event->message);
      g_string_append_printf (
          what, " came after eom and %.1f s of silence, without progress", event->waited_us / 1e6);
      return true;
    }
  if (event->end_us <= MILTER_LINT_MESSAGE_US || milter_lint_is_between (event->message))
    return false;
  milter_lint_append_answers (what, event);
  g_string_append_printf (what, " only after %.0f s in all", event->end_us / 1e6);
  return true;
}

bool
milter_lint_stalls (const MilterLintEvent *event, GString *what)
{
  const MilterLintPeer *peer = event->peer;

  if (!peer->over_tcp || peer->n_stalls < MILTER_LINT_STALLS || peer->n_stalls <= peer->n_near)
    return false;
  g_string_append_printf (what, "%u frames came 35 to 50 ms after the one before", peer->n_stalls);
  return true;
}
