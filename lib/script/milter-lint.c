/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-lint.c: follows a session and asks the rules about each frame.
 */
#include "milter-lint.h"

#include <string.h>

#include "milter-lint-private.h"

/* so many different findings are kept; more of a rule that is among them are counted there */
#define MAX_FINDINGS 200

/* letters have seven bits; all others share the rows that are about every letter */
#define N_LETTERS 128

struct _MilterLint
{
  guint n_peers;
  MilterLintPeer *peers;
  GPtrArray *findings;          /* of MilterLintFinding */
  guint64 by_letter[N_LETTERS]; /* rows to ask about a reply of this letter, 1 << row; 0: unknown */
  GString *what;                /* kept for its memory */
  bool finished;
};

/* --- findings --------------------------------------------------------------------------------- */

static void
finding_free (gpointer data)
{
  MilterLintFinding *finding = data;

  g_free (finding->what);
  g_free (finding);
}

const char *
milter_lint_severity_to_string (MilterLintSeverity severity)
{
  return severity == MILTER_LINT_MUST ? "MUST" : "SHOULD";
}

char *
milter_lint_finding_to_string (const MilterLintFinding *finding)
{
  GString *text = g_string_new (NULL);

  g_string_append_printf (text, "%s; %s", finding->what, finding->rule->effect);
  if (finding->count > 1)
    g_string_append_printf (text, " (%u times)", finding->count);
  return g_string_free (text, FALSE);
}

static bool
is_same_place (const MilterWhere *a, const MilterWhere *b)
{
  return a->line == b->line && a->file == b->file;
}

static void
add_finding (
    MilterLint *lint, const MilterLintRule *rule, guint peer, const MilterWhere *where, const char *what)
{
  MilterLintFinding *finding;

  for (guint i = 0; i < lint->findings->len; i++)
    {
      finding = g_ptr_array_index (lint->findings, i);
      if (finding->rule != rule || finding->peer != peer
          || (!is_same_place (&finding->where, where) && lint->findings->len < MAX_FINDINGS))
        continue;
      finding->count++;
      return;
    }
  finding = g_new0 (MilterLintFinding, 1);
  finding->rule = rule;
  finding->peer = peer;
  finding->where = *where;
  finding->what = g_strdup (what);
  finding->count = 1;
  g_ptr_array_add (lint->findings, finding);
}

const GPtrArray *
milter_lint_get_findings (const MilterLint *lint)
{
  return lint->findings;
}

/* --- rows ------------------------------------------------------------------------------------- */

static bool
is_about (const MilterLintRow *row, guint8 letter)
{
  return row->letters == NULL || (letter != 0 && strchr (row->letters, letter) != NULL);
}

/* The rows to ask about a reply of this letter. A session knows few letters, so that they are looked
 * up when one comes. */
static guint64
get_rows (MilterLint *lint, guint8 letter)
{
  guint n_rows;
  const MilterLintRow *rows = milter_lint_rows (&n_rows);
  guint slot = letter < N_LETTERS ? letter : 0;

  g_assert (n_rows <= 64);
  if (lint->by_letter[slot] != 0)
    return lint->by_letter[slot];
  for (guint i = 0; i < n_rows; i++)
    if (rows[i].when == MILTER_LINT_AT_FRAME && is_about (&rows[i], (guint8) slot))
      lint->by_letter[slot] |= (guint64) 1 << i;
  return lint->by_letter[slot];
}

static void
ask (MilterLint *lint,
     const MilterLintRow *row,
     guint peer,
     const MilterLintEvent *event,
     const MilterWhere *where)
{
  static const MilterWhere nowhere = { 0 };

  if (row->by_order && event->peer->provoked)
    return;
  g_string_truncate (lint->what, 0);
  if (row->check (event, lint->what))
    add_finding (lint, &row->rule, peer, where != NULL ? where : &nowhere, lint->what->str);
}

static void
ask_all (MilterLint *lint,
         MilterLintWhen when,
         guint peer,
         const MilterLintEvent *event,
         const MilterWhere *where)
{
  guint n_rows;
  const MilterLintRow *rows = milter_lint_rows (&n_rows);

  for (guint i = 0; i < n_rows; i++)
    if (rows[i].when == when)
      ask (lint, &rows[i], peer, event, where);
}

static void
ask_about_reply (MilterLint *lint, guint peer, const MilterLintEvent *event, const MilterWhere *where)
{
  guint n_rows;
  const MilterLintRow *rows = milter_lint_rows (&n_rows);
  guint64 todo = get_rows (lint, event->message->letter);

  while (todo != 0)
    {
      /* GLib's g_bit_nth_lsf() looks at bit after bit */
      guint i = (guint) __builtin_ctzll (todo);

      todo &= todo - 1;
      ask (lint, &rows[i], peer, event, where);
    }
}

/* --- one peer --------------------------------------------------------------------------------- */

static void
begin_peer (MilterLintPeer *peer, bool over_tcp)
{
  *peer = (MilterLintPeer){ .over_tcp = over_tcp };
  milter_session_init (&peer->session, MILTER_SESSION_LENIENT);
  peer->recipients = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  peer->deleted = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
}

static void
end_peer (MilterLintPeer *peer)
{
  milter_session_clear (&peer->session);
  g_hash_table_unref (peer->recipients);
  g_hash_table_unref (peer->deleted);
}

MilterLint *
milter_lint_new (guint n_peers, const gboolean *over_tcp)
{
  MilterLint *lint = g_new0 (MilterLint, 1);

  lint->n_peers = n_peers;
  lint->peers = g_new0 (MilterLintPeer, n_peers);
  for (guint i = 0; i < n_peers; i++)
    begin_peer (&lint->peers[i], over_tcp != NULL && over_tcp[i]);
  lint->findings = g_ptr_array_new_with_free_func (finding_free);
  lint->what = g_string_new (NULL);
  return lint;
}

void
milter_lint_free (MilterLint *lint)
{
  if (lint == NULL)
    return;
  for (guint i = 0; i < lint->n_peers; i++)
    end_peer (&lint->peers[i]);
  g_free (lint->peers);
  g_ptr_array_unref (lint->findings);
  g_string_free (lint->what, TRUE);
  g_free (lint);
}

static void
add_recipient (MilterLintPeer *peer, const MilterMessage *message)
{
  MilterBytes bare;

  if (message->fault != MILTER_NO_FAULT && message->fault_field == 0)
    return;
  bare = milter_lint_bare_address (message->fields[0].bytes);
  g_hash_table_add (peer->recipients, g_strndup ((const char *) bare.data, bare.size));
}

static void
take_command (MilterLintPeer *peer, const MilterMessage *message, gint64 now_us)
{
  guint8 letter = message->letter;

  /* what a milter does with a command that is wrong is not told by these rules */
  if (!milter_session_command (&peer->session, message, /* error= */ NULL))
    peer->provoked = true;
  peer->begun = true;
  peer->last_us = now_us;
  if (letter == MILTER_COMMAND_DEFINE_MACRO)
    return;
  peer->last_command = letter;
  if (peer->session.message != peer->message)
    {
      peer->message = peer->session.message;
      g_hash_table_remove_all (peer->recipients);
    }
  if (message->spec != NULL && message->spec->answer != MILTER_ANSWER_NONE
      && !milter_session_is_answered (&peer->session, letter))
    peer->silent |= milter_lint_bit (letter);
  if (letter == MILTER_COMMAND_ENVELOPE_RECIPIENT)
    add_recipient (peer, message);
  if (letter != MILTER_COMMAND_END_OF_MESSAGE)
    return;
  peer->end_us = now_us;
  peer->body_begun = false;
  peer->body_interrupted = false;
  peer->body_ends_in_cr = false;
  g_hash_table_remove_all (peer->deleted);
}

/* a gap between two frames, of which the second is the milter's */
static void
take_gap (MilterLintPeer *peer, gint64 gap_us, const MilterWhere *where)
{
  if (gap_us < MILTER_LINT_NEAR_MIN_US || gap_us > MILTER_LINT_NEAR_MAX_US)
    return;
  if (gap_us < MILTER_LINT_STALL_MIN_US || gap_us > MILTER_LINT_STALL_MAX_US)
    {
      peer->n_near++;
      return;
    }
  peer->n_stalls++;
  if (where != NULL)
    peer->stall_where = *where;
}

static void
take_deletion (MilterLintPeer *peer, const MilterMessage *message)
{
  MilterBytes name, value;
  guint32 index = message->fields[0].number;

  if (!milter_lint_get_header (message, &name, &value) || value.size > 0)
    return;
  g_hash_table_replace (peer->deleted,
                        g_ascii_strdown ((const char *) name.data, (gssize) name.size),
                        GUINT_TO_POINTER (MAX (index, 1)));
}

static void
take_edit (MilterLintPeer *peer, const MilterMessage *message)
{
  MilterBytes chunk = message->payload;

  if (message->letter != MILTER_REPLY_REPLACE_BODY)
    peer->body_interrupted = peer->body_begun;
  else
    {
      peer->body_begun = true;
      if (chunk.size > 0)
        peer->body_ends_in_cr = chunk.data[chunk.size - 1] == '\r';
    }
  if (message->letter == MILTER_REPLY_CHANGE_HEADER)
    take_deletion (peer, message);
  if (message->letter == MILTER_REPLY_ADD_RECIPIENT
      || message->letter == MILTER_REPLY_ADD_RECIPIENT_WITH_PARAMETERS)
    add_recipient (peer, message);
}

static void
take_reply (MilterLint *lint,
            guint number,
            const MilterMessage *message,
            const MilterWhere *where,
            gint64 now_us)
{
  MilterLintPeer *peer = &lint->peers[number];
  guint8 due = milter_session_due (&peer->session);
  MilterLintEvent event = { .peer = peer,
                            .message = message,
                            .due = due,
                            .waited_us = peer->begun ? now_us - peer->last_us : 0,
                            .end_us = now_us - peer->end_us };

  ask_about_reply (lint, number, &event, where);
  if (due != 0)
    take_gap (peer, event.waited_us, where);
  milter_session_reply (&peer->session, message, /* error= */ NULL);
  if (due == MILTER_COMMAND_END_OF_MESSAGE && milter_lint_is_between (message))
    take_edit (peer, message);
  peer->begun = true;
  peer->last_us = now_us;
}

/* --- from outside ----------------------------------------------------------------------------- */

void
milter_lint_frame (MilterLint *lint,
                   guint peer,
                   const MilterMessage *message,
                   const MilterWhere *where,
                   gint64 now_us)
{
  g_assert (peer < lint->n_peers);
  if (message->sender == MILTER_SIDE_MTA)
    take_command (&lint->peers[peer], message, now_us);
  else
    take_reply (lint, peer, message, where, now_us);
}

void
milter_lint_raw (MilterLint *lint, guint peer)
{
  g_assert (peer < lint->n_peers);
  lint->peers[peer].provoked = true;
}

static void
tell_stalls (MilterLint *lint, guint number)
{
  MilterLintPeer *peer = &lint->peers[number];
  MilterLintEvent event = { .peer = peer };

  ask_all (lint, MILTER_LINT_AT_FINISH, number, &event, &peer->stall_where);
  peer->n_stalls = 0;
  peer->n_near = 0;
}

void
milter_lint_garbage (MilterLint *lint, guint peer, const char *why, const MilterWhere *where)
{
  MilterLintEvent event = { .peer = &lint->peers[peer], .garbage = why };

  ask_all (lint, MILTER_LINT_AT_END, peer, &event, where);
  /* whatever comes now is not told apart any more */
  lint->peers[peer].provoked = true;
}

void
milter_lint_ended (MilterLint *lint, guint number, MilterBytes leftover, const MilterWhere *where)
{
  MilterLintPeer *peer = &lint->peers[number];
  MilterLintEvent event = { .peer = peer,
                            .due = milter_session_due (&peer->session),
                            .leftover = leftover.size };
  bool over_tcp = peer->over_tcp;

  ask_all (lint, MILTER_LINT_AT_END, number, &event, where);
  tell_stalls (lint, number);
  end_peer (peer);
  begin_peer (peer, over_tcp);
}

void
milter_lint_finish (MilterLint *lint)
{
  if (lint->finished)
    return;
  lint->finished = true;
  for (guint i = 0; i < lint->n_peers; i++)
    tell_stalls (lint, i);
}
