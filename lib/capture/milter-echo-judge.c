/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-echo-judge.c: what came otherwise than it was recorded, in sentences.
 */
#include "milter-echo-private.h"

#include <string.h>

/* --- macros --------------------------------------------------------------------------------------- */

static bool
has_name (MilterBytes macros, MilterBytes wanted)
{
  MilterBytes name, value;

  while (milter_strings_next (&macros, &name))
    {
      if (milter_bytes_equal (name, wanted))
        return true;
      milter_strings_next (&macros, &value);
    }
  return false;
}

/* without the stage */
static MilterBytes
names_and_values (const MilterEchoStep *step)
{
  MilterBytes bytes = milter_echo_view (step->macros);

  return bytes.size > 0 ? milter_bytes (bytes.data + 1, bytes.size - 1) : bytes;
}

/* Values, as queue ids and ports, are others each time; that a macro comes at all is what a milter's
 * answer may hang on. */
static void
compare_macros (MilterEchoPart *part, const MilterEchoStep *recorded, const MilterEchoStep *came)
{
  MilterBytes wanted = names_and_values (recorded);
  MilterBytes got = names_and_values (came);
  MilterBytes name, value;

  while (milter_strings_next (&wanted, &name))
    {
      if (!has_name (got, name))
        milter_echo_part_differ (part,
                                 "the macro %.*s did not come with %s",
                                 (int) name.size,
                                 (const char *) name.data,
                                 milter_spec_get (MILTER_SIDE_MTA, came->letter)->word);
      milter_strings_next (&wanted, &value);
    }
}

/* --- commands ------------------------------------------------------------------------------------- */

/* an MTA cuts a body as it likes */
static bool
is_chunk (const MilterEchoStep *step)
{
  return step->letter == MILTER_COMMAND_BODY;
}

static void
compare_step (MilterEchoPart *part, const MilterEchoStep *recorded, const MilterEchoStep *came)
{
  g_autofree char *text = milter_echo_step_to_text (came);
  g_autofree char *wanted = recorded != NULL ? milter_echo_step_to_text (recorded) : NULL;

  if (recorded == NULL)
    {
      if (!is_chunk (came) && !came->optional)
        milter_echo_part_differ (part, "not in the recording: %s", text);
      return;
    }
  if (milter_echo_step_fit (recorded, came) != MILTER_ECHO_FIT_SAME)
    milter_echo_part_differ (part, "came as: %s; recorded is: %s", text, wanted);
  compare_macros (part, recorded, came);
}

static const MilterEchoStep *
find_letter (const MilterEchoPart *part, guint8 letter)
{
  for (guint i = 0; i < part->steps->len; i++)
    {
      const MilterEchoStep *step = g_ptr_array_index (part->steps, i);

      if (step->letter == letter)
        return step;
    }
  return NULL;
}

static void
compare_bodies (MilterEchoPart *part, const MilterEchoPart *came)
{
  /* a message that was decided before its end has no body that could be compared */
  if (find_letter (part, MILTER_COMMAND_END_OF_MESSAGE) == NULL
      || find_letter (came, MILTER_COMMAND_END_OF_MESSAGE) == NULL
      || find_letter (part, MILTER_COMMAND_BODY) == NULL
      || find_letter (came, MILTER_COMMAND_BODY) == NULL)
    return;
  if (part->body_size != came->body_size)
    milter_echo_part_differ (part,
                             "its body has %" G_GUINT64_FORMAT " bytes; %" G_GUINT64_FORMAT
                             " were recorded",
                             came->body_size,
                             part->body_size);
  else if (g_strcmp0 (part->body_digest, came->body_digest) != 0)
    milter_echo_part_differ (part, "its body is not the one that was recorded");
}

/* a pass would say that what came was answered as then */
static void
tell_lacking (MilterEchoPart *recorded)
{
  if (recorded->damaged)
    {
      milter_echo_part_differ (recorded, "the recording is damaged, or ends, in the middle of it");
      return;
    }
  for (guint i = 0; i < recorded->steps->len; i++)
    {
      const MilterEchoStep *step = g_ptr_array_index (recorded->steps, i);
      const MilterSpec *spec = milter_spec_get (MILTER_SIDE_MTA, step->letter);

      if (step->lacks_answer)
        milter_echo_part_differ (recorded,
                                 "the recording lacks the answer to %s",
                                 spec != NULL ? spec->word : "a command");
    }
}

void
milter_echo_part_compare (MilterEchoPart *recorded, const MilterEchoPart *came)
{
  g_autoptr (GByteArray) taken = milter_echo_taken_new (recorded);

  for (guint i = 0; i < came->steps->len; i++)
    {
      const MilterEchoStep *step = g_ptr_array_index (came->steps, i);

      compare_step (recorded, milter_echo_part_take (recorded, step, taken), step);
    }
  for (guint i = 0; i < recorded->steps->len; i++)
    {
      const MilterEchoStep *step = g_ptr_array_index (recorded->steps, i);
      g_autofree char *text = milter_echo_step_to_text (step);

      if (!taken->data[i] && !step->optional && !is_chunk (step))
        milter_echo_part_differ (recorded, "did not come: %s", text);
    }
  compare_bodies (recorded, came);
  tell_lacking (recorded);
}

/* --- verdicts ------------------------------------------------------------------------------------- */

static void
verdict_free (gpointer data)
{
  MilterEchoVerdict *verdict = data;

  g_free (verdict->name);
  g_free (verdict->differences);
  g_free (verdict);
}

static void
append_name (const MilterEchoPart *part, GString *name)
{
  /* a milter that did not want MAIL knows a message by its first recipient */
  static const guint8 letters[] = {
    MILTER_COMMAND_ENVELOPE_FROM,
    MILTER_COMMAND_CONNECT,
    MILTER_COMMAND_ENVELOPE_RECIPIENT,
  };
  const MilterEchoStep *step = NULL;
  g_autofree char *text = NULL;

  if (part->connection != 0)
    g_string_append_printf (name, "connection %u", part->connection);
  else
    g_string_append (name, "not in the recording");
  if (part->connection != 0 && part->number != 0)
    g_string_append_printf (name, ", message %u", part->number);
  for (gsize i = 0; i < G_N_ELEMENTS (letters) && step == NULL; i++)
    step = find_letter (part, letters[i]);
  text = step != NULL ? milter_echo_step_to_text (step) : NULL;
  if (text != NULL)
    g_string_append_printf (name, ": %s", text);
}

static void
add_verdict (GPtrArray *verdicts, const MilterEchoPart *part)
{
  MilterEchoVerdict *verdict = g_new0 (MilterEchoVerdict, 1);
  GString *name = g_string_new (NULL);
  GString *differences = g_string_new (NULL);

  append_name (part, name);
  if (part->n_uses == 0 && part->connection != 0)
    g_string_append (differences, "it did not come\n");
  g_string_append (differences, part->differences->str);
  if (part->n_differences > MILTER_ECHO_MAX_DIFFERENCES)
    g_string_append_printf (
        differences, "… and %u more\n", part->n_differences - MILTER_ECHO_MAX_DIFFERENCES);
  verdict->name = g_string_free (name, FALSE);
  verdict->differences = g_string_free (differences, differences->len == 0);
  g_ptr_array_add (verdicts, verdict);
}

/* Where all messages of a session came on other connections, nothing is missing. */
static bool
is_judged (const MilterEchoPart *session)
{
  return session->n_uses > 0 || session->messages->len == 0;
}

GPtrArray *
milter_echo_book_judge (const MilterEchoBook *book)
{
  GPtrArray *verdicts = g_ptr_array_new_with_free_func (verdict_free);

  for (guint i = 0; i < book->sessions->len; i++)
    {
      const MilterEchoPart *session = g_ptr_array_index (book->sessions, i);

      if (is_judged (session))
        add_verdict (verdicts, session);
      for (guint n = 0; n < session->messages->len; n++)
        add_verdict (verdicts, g_ptr_array_index (session->messages, n));
    }
  for (guint i = 0; i < book->extra->len; i++)
    add_verdict (verdicts, g_ptr_array_index (book->extra, i));
  return verdicts;
}
