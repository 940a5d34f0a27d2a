/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * report-case.c: what is known of one case.
 */
#include "report-private.h"

#include <string.h>

/* of what a milter writes on its stderr the end tells why */
#define MAX_OUTPUT (64u * 1024)

/* cases that are kept to be used again: many connections of which all is as it was end in a row */
#define MAX_SPARES 512u

/* a session of a million messages is not told message by message */
#define MAX_MESSAGES 1000u

static void
failure_free (gpointer data)
{
  ReportFailure *own = data;

  g_free (own->file);
  g_free (own->failure.message);
  g_free (own->failure.what);
  g_free (own->failure.expected);
  g_free (own->failure.got);
  g_free (own->failure.last);
  g_free (own);
}

static void
lint_free (gpointer data)
{
  ReportLint *lint = data;

  g_free (lint->file);
  g_free (lint->rule);
  g_free (lint->sentence);
  g_free (lint);
}

static void
output_free (gpointer data)
{
  ReportOutput *output = data;

  g_free (output->milter);
  g_string_free (output->bytes, TRUE);
  g_free (output);
}

/* (nullable) */
static ReportCase *
take_spare (Report *report, const char *file)
{
  ReportCase *spare = report->spares;
  ReportCase fresh;

  if (spare == NULL)
    return NULL;
  report->spares = spare->next_spare;
  report->n_spares--;
  fresh = (ReportCase){
    .file = spare->file,
    .failures = spare->failures,
    .lints = spare->lints,
    .outputs = spare->outputs,
    .notes = spare->notes,
    .messages = spare->messages,
    .counts = spare->counts,
  };
  *spare = fresh;
  if (g_strcmp0 (spare->file, file) != 0)
    {
      g_free (spare->file);
      spare->file = g_strdup (file);
    }
  return spare;
}

static ReportCase *
case_new (const char *file)
{
  ReportCase *report_case = g_new0 (ReportCase, 1);

  report_case->file = g_strdup (file);
  report_case->failures = g_ptr_array_new_with_free_func (failure_free);
  report_case->lints = g_ptr_array_new_with_free_func (lint_free);
  report_case->outputs = g_ptr_array_new_with_free_func (output_free);
  report_case->notes = g_ptr_array_new_with_free_func (g_free);
  report_case->messages = g_array_new (FALSE, FALSE, sizeof (ReportMessage));
  report_case->counts = g_ptr_array_new_with_free_func ((GDestroyNotify) message_count_free);
  return report_case;
}

ReportCase *
report_case_new (Report *report, const char *file, guint line, const char *name)
{
  ReportCase *report_case = take_spare (report, file);

  if (report_case == NULL)
    report_case = case_new (file);
  report_case->report = report;
  report_case->line = line;
  report_case->name = g_strdup (name);
  report_case->outcome = MILTER_OUTCOME_HELD;
  return report_case;
}

static void
requirement_free (ReportOwnRequirement *requirement)
{
  if (requirement == NULL)
    return;
  g_free (requirement->id);
  g_free (requirement->group);
  g_free (requirement->title);
  g_free (requirement->text);
  g_free (requirement->source);
  g_free (requirement->deviation);
  g_free (requirement);
}

void
report_case_free (ReportCase *report_case)
{
  if (report_case == NULL)
    return;
  requirement_free (report_case->requirement);
  if (report_case->absorbed != NULL)
    g_string_free (report_case->absorbed, TRUE);
  g_free (report_case->file);
  g_free (report_case->name);
  g_strfreev (report_case->peer_names);
  g_free (report_case->skip_reason);
  if (report_case->problems != NULL)
    g_string_free (report_case->problems, TRUE);
  g_ptr_array_unref (report_case->failures);
  g_ptr_array_unref (report_case->lints);
  g_ptr_array_unref (report_case->outputs);
  g_ptr_array_unref (report_case->notes);
  g_array_unref (report_case->messages);
  g_ptr_array_unref (report_case->counts);
  report_transcript_free (report_case->transcript);
  g_free (report_case);
}

/* nothing was kept of it */
static bool
is_empty (const ReportCase *report_case)
{
  return report_case->requirement == NULL && report_case->absorbed == NULL
         && report_case->peer_names == NULL && report_case->skip_reason == NULL
         && report_case->problems == NULL && report_case->failures->len == 0
         && report_case->lints->len == 0 && report_case->outputs->len == 0
         && report_case->notes->len == 0 && report_case->messages->len == 0
         && report_case->counts->len == 0;
}

void
report_case_retire (ReportCase *report_case)
{
  Report *report = report_case->report;

  if (report->n_spares >= MAX_SPARES || !is_empty (report_case))
    {
      report_case_free (report_case);
      return;
    }
  g_clear_pointer (&report_case->name, g_free);
  g_clear_pointer (&report_case->transcript, report_transcript_free);
  report_case->next_spare = report->spares;
  report->spares = report_case;
  report->n_spares++;
}

void
report_free_spare_cases (Report *report)
{
  ReportCase *spare;

  while ((spare = report->spares) != NULL)
    {
      report->spares = spare->next_spare;
      report_case_free (spare);
    }
  report->n_spares = 0;
}

guint
report_case_count_message (ReportCase *report_case, guint peer, const MilterMessage *message)
{
  while (report_case->counts->len <= peer)
    g_ptr_array_add (report_case->counts, message_count_new ());
  return message_count_take (g_ptr_array_index (report_case->counts, peer), message);
}

/* --- what is told of it ----------------------------------------------------------------------- */

void
report_case_set_peers (ReportCase *report_case, guint n_peers, const char *const *names)
{
  g_strfreev (report_case->peer_names);
  report_case->peer_names = NULL;
  if (n_peers < 2 || names == NULL)
    return;
  report_case->peer_names = g_new0 (char *, n_peers + 1);
  for (guint i = 0; i < n_peers; i++)
    report_case->peer_names[i] = g_strdup (names[i]);
}

static void
on_frame (guint peer,
          MilterSide from,
          const MilterMessage *message,
          MilterTextFlags flags,
          gint64 now_us,
          gpointer user_data)
{
  report_case_add_message (user_data, peer, message, flags, now_us);
}

void
report_case_follow (ReportCase *report_case, MilterPlayer *player)
{
  milter_player_set_trace (player, on_frame, report_case);
}

static void
add_message (ReportCase *report_case, const MilterPlayedMessage *played)
{
  ReportMessage message = {
    .verdict = played->verdict,
    .verdict_command = played->verdict_command,
    .duration_us = MAX (played->ended_us - played->started_us, 0),
  };

  if (report_case->n_messages++ < MAX_MESSAGES)
    g_array_append_val (report_case->messages, message);
}

static void
add_finding (ReportCase *report_case, const MilterLintFinding *finding)
{
  g_autofree char *sentence = milter_lint_finding_to_string (finding);
  g_autofree char *named = report_case->peer_names != NULL
                               ? g_strdup_printf ("milter %s: %s", report_case->peer_names[finding->peer], sentence)
                               : NULL;

  report_case_add_lint (
      report_case, &finding->where, finding->rule->id, named != NULL ? named : sentence);
}

void
report_case_take_messages (ReportCase *report_case, const MilterPlayer *player)
{
  const GPtrArray *messages = milter_player_get_messages (player);
  const GPtrArray *findings = milter_player_get_lint_findings (player);

  for (guint i = 0; i < messages->len; i++)
    add_message (report_case, g_ptr_array_index (messages, i));
  for (guint i = 0; i < findings->len; i++)
    add_finding (report_case, g_ptr_array_index (findings, i));
}

void
report_case_take_verdict (ReportCase *report_case, const MilterPlayer *player)
{
  const GPtrArray *failures = milter_player_get_failures (player);
  MilterOutcome outcome = milter_player_get_outcome (player);

  if (outcome == MILTER_OUTCOME_SKIPPED)
    report_case_skip (report_case, milter_player_get_skip_reason (player));
  report_case->outcome = MAX (report_case->outcome, outcome);
  for (guint i = 0; i < failures->len; i++)
    report_case_add_failure (report_case, g_ptr_array_index (failures, i));
  report_case_take_messages (report_case, player);
}

void
report_case_add_failure (ReportCase *report_case, const MilterFailure *failure)
{
  ReportFailure *own = g_new0 (ReportFailure, 1);

  own->failure = *failure;
  own->failure.message = g_strdup (failure->message);
  own->failure.what = g_strdup (failure->what);
  own->failure.expected = g_strdup (failure->expected);
  own->failure.got = g_strdup (failure->got);
  own->failure.last = g_strdup (failure->last);
  own->failure.result_path = NULL;
  own->failure.delivered = NULL;
  own->failure.where.file = own->file = g_strdup (failure->where.file);
  g_ptr_array_add (report_case->failures, own);
  report_case->outcome = MAX (report_case->outcome, failure->outcome);
}

void
report_case_skip (ReportCase *report_case, const char *reason)
{
  g_free (report_case->skip_reason);
  report_case->skip_reason = g_strdup (reason);
  report_case->outcome = MAX (report_case->outcome, MILTER_OUTCOME_SKIPPED);
}

void
report_case_leave_out (ReportCase *report_case, const char *why)
{
  report_case_skip (report_case, why);
  report_case->left_out = true;
}

void
report_case_add_problem (ReportCase *report_case, ToolExit status, const char *sentences)
{
  if (report_case->problems == NULL)
    report_case->problems = g_string_new (NULL);
  g_string_append (report_case->problems, sentences);
  if (!g_str_has_suffix (sentences, "\n"))
    g_string_append_c (report_case->problems, '\n');
  report_case->problem = tool_exit_worse (report_case->problem, status);
  report_case->outcome
      = MAX (report_case->outcome,
             status == TOOL_EXIT_FAILED ? MILTER_OUTCOME_FAILED : MILTER_OUTCOME_BROKEN);
}

void
report_case_add_lint (ReportCase *report_case,
                      const MilterWhere *where,
                      const char *rule,
                      const char *sentence)
{
  ReportLint *lint = g_new0 (ReportLint, 1);

  if (where != NULL)
    lint->where = *where;
  lint->where.file = lint->file = g_strdup (lint->where.file);
  lint->rule = g_strdup (rule);
  lint->sentence = g_strdup (sentence);
  g_ptr_array_add (report_case->lints, lint);
  if (report_case->report->lint_fails)
    report_case->outcome = MAX (report_case->outcome, MILTER_OUTCOME_FAILED);
}

static ReportOutput *
output_of (ReportCase *report_case, const char *milter)
{
  ReportOutput *output;

  for (guint i = 0; i < report_case->outputs->len; i++)
    {
      output = g_ptr_array_index (report_case->outputs, i);
      if (g_strcmp0 (output->milter, milter) == 0)
        return output;
    }
  output = g_new0 (ReportOutput, 1);
  output->milter = g_strdup (milter);
  output->bytes = g_string_new (NULL);
  g_ptr_array_add (report_case->outputs, output);
  return output;
}

void
report_case_add_output (ReportCase *report_case, const char *milter, MilterBytes bytes)
{
  ReportOutput *output;

  if (bytes.size == 0)
    return;
  output = output_of (report_case, milter);
  if (bytes.size > MAX_OUTPUT)
    {
      output->is_cut = true;
      bytes = milter_bytes (bytes.data + bytes.size - MAX_OUTPUT, MAX_OUTPUT);
    }
  g_string_append_len (output->bytes, (const char *) bytes.data, (gssize) bytes.size);
  if (output->bytes->len > MAX_OUTPUT)
    {
      output->is_cut = true;
      g_string_erase (output->bytes, 0, (gssize) (output->bytes->len - MAX_OUTPUT));
    }
}

void
report_case_add_note (ReportCase *report_case, const char *sentence)
{
  g_ptr_array_add (report_case->notes, g_strdup (sentence));
}

/* --- requirements ----------------------------------------------------------------------------- */

void
report_case_set_requirement (ReportCase *report_case, const ReportRequirement *requirement)
{
  ReportOwnRequirement *own = g_new0 (ReportOwnRequirement, 1);

  own->id = g_strdup (requirement->id);
  own->group = g_strdup (requirement->group);
  own->title = g_strdup (requirement->title);
  own->text = g_strdup (requirement->text);
  own->source = g_strdup (requirement->source);
  own->must = requirement->must;
  requirement_free (report_case->requirement);
  report_case->requirement = own;
}

void
report_case_set_deviation (ReportCase *report_case, const char *reason)
{
  g_free (report_case->requirement->deviation);
  report_case->requirement->deviation = g_strdup (reason);
}

void
report_case_add_log (ReportCase *report_case, const char *text)
{
  if (report_case->absorbed == NULL)
    report_case->absorbed = g_string_new (NULL);
  g_string_append (report_case->absorbed, text);
}

static void
absorb_log (ReportCase *report_case, const ReportCase *session)
{
  g_autoptr (GString) log = report_case_get_log (session);
  g_autofree char *heading = g_strdup_printf ("session %s\n", session->name);

  if (log->len == 0)
    return;
  report_case_add_log (report_case, heading);
  g_string_append_len (report_case->absorbed, log->str, (gssize) log->len);
}

void
report_case_absorb (ReportCase *report_case, const ReportCase *session)
{
  for (guint i = 0; i < session->failures->len; i++)
    report_case_add_failure (
        report_case, &((ReportFailure *) g_ptr_array_index (session->failures, i))->failure);
  if (session->problems != NULL)
    report_case_add_problem (report_case, session->problem, session->problems->str);
  for (guint i = 0; i < session->notes->len; i++)
    report_case_add_note (report_case, g_ptr_array_index (session->notes, i));
  for (guint i = 0; i < session->outputs->len; i++)
    {
      const ReportOutput *output = g_ptr_array_index (session->outputs, i);

      report_case_add_output (report_case,
                              output->milter,
                              milter_bytes (output->bytes->str, output->bytes->len));
    }
  absorb_log (report_case, session);
  report_case->duration_us += session->duration_us;
}

/* --- what reporters ask ----------------------------------------------------------------------- */

static const char *const words[REPORT_N_RESULTS] = {
  [REPORT_HELD] = "held",     [REPORT_SKIPPED] = "skipped",   [REPORT_FAILED] = "failed",
  [REPORT_BROKEN] = "broken", [REPORT_UNPLAYED] = "unplayed", [REPORT_UNREAD] = "unread",
  [REPORT_LAPSED] = "failed-should", [REPORT_DEVIATES] = "known-deviation",
  [REPORT_RECOVERED] = "unexpected-pass",
};

const char *
report_result_get_word (ReportResult result)
{
  return words[result];
}

bool
report_result_is_bad (ReportResult result)
{
  return result == REPORT_FAILED || result == REPORT_BROKEN || result == REPORT_UNREAD;
}

bool
report_result_has_details (ReportResult result)
{
  return report_result_is_bad (result) || result == REPORT_LAPSED || result == REPORT_DEVIATES;
}

/* a requirement holds or does not, whatever happened */
static ReportResult
judge_requirement (const ReportCase *report_case)
{
  const ReportOwnRequirement *requirement = report_case->requirement;
  bool strict = report_case->report->strict;

  if (report_case->outcome == MILTER_OUTCOME_SKIPPED)
    return REPORT_SKIPPED;
  if (report_case->outcome == MILTER_OUTCOME_HELD)
    return requirement->deviation == NULL ? REPORT_HELD
           : strict                       ? REPORT_FAILED
                                          : REPORT_RECOVERED;
  if (requirement->deviation != NULL)
    return REPORT_DEVIATES;
  /* whatever was asked, a milter must not die of it */
  return requirement->must || strict || report_case->problem == TOOL_EXIT_BROKEN ? REPORT_FAILED
                                                                                 : REPORT_LAPSED;
}

char *
report_case_get_excuse (const ReportCase *report_case)
{
  ReportResult result = report_case_get_result (report_case);

  if (result == REPORT_DEVIATES)
    return g_strdup_printf ("known deviation: %s", report_case->requirement->deviation);
  if (result == REPORT_LAPSED)
    return g_strdup ("a SHOULD that does not hold");
  return g_strdup (report_case->skip_reason);
}

ReportResult
report_case_get_result (const ReportCase *report_case)
{
  if (report_case->problem == TOOL_EXIT_USAGE)
    return REPORT_UNREAD;
  if (report_case->left_out && report_case->outcome == MILTER_OUTCOME_SKIPPED)
    return REPORT_UNPLAYED;
  if (report_case->requirement != NULL)
    return judge_requirement (report_case);
  return (ReportResult) report_case->outcome;
}

bool
report_case_is_bad (const ReportCase *report_case)
{
  return report_result_is_bad (report_case_get_result (report_case));
}

GString *
report_case_get_log (const ReportCase *report_case)
{
  GString *text = g_string_new (report_case->absorbed != NULL ? report_case->absorbed->str : NULL);

  if (report_case->transcript != NULL)
    report_transcript_append_text (report_case->transcript,
                                   /* from= */ 0,
                                   (const char *const *) report_case->peer_names,
                                   text);
  return text;
}

GString *
report_case_get_output (const ReportCase *report_case)
{
  GString *text = g_string_new (NULL);

  for (guint i = 0; i < report_case->outputs->len; i++)
    {
      const ReportOutput *output = g_ptr_array_index (report_case->outputs, i);

      if (output->milter != NULL)
        g_string_append_printf (text, "[%s]\n", output->milter);
      if (output->is_cut)
        g_string_append (text, "… (the beginning is left out)\n");
      g_string_append_len (text, output->bytes->str, (gssize) output->bytes->len);
      if (text->len > 0 && text->str[text->len - 1] != '\n')
        g_string_append_c (text, '\n');
    }
  return text;
}

char *
report_where_to_string (const ReportCase *report_case, const MilterWhere *where)
{
  if (where->line > 0 && where->file != NULL)
    return g_strdup_printf ("%s:%u", where->file, where->line);
  return g_strdup (report_case->file);
}
