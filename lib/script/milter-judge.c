/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-judge.c: one answer against one pattern.
 */
#include "milter-judge-private.h"

#include <string.h>

#include "milter-smtp-reply.h"

#define FRAME_HEAD_SIZE 5

MilterRecord *
milter_record_new (MilterRecordKind kind, guint peer, gint64 after_us)
{
  MilterRecord *record = g_new0 (MilterRecord, 1);

  record->kind = kind;
  record->peer = peer;
  record->after_us = after_us;
  return record;
}

static void
put_frame (guint8 *to, const MilterMessage *message)
{
  guint32 length = GUINT32_TO_BE ((guint32) message->payload.size + 1);

  memcpy (to, &length, sizeof length);
  to[sizeof length] = message->letter;
  if (message->payload.size > 0)
    memcpy (to + FRAME_HEAD_SIZE, message->payload.data, message->payload.size);
}

MilterRecord *
milter_record_new_message (guint peer, const MilterMessage *message, gint64 after_us)
{
  gsize frame_size = FRAME_HEAD_SIZE + message->payload.size;
  MilterRecord *record = g_malloc (sizeof *record + frame_size);

  *record = (MilterRecord){
    .kind = MILTER_RECORD_MESSAGE,
    .peer = peer,
    .after_us = after_us,
    .frame_size = frame_size,
  };
  put_frame (record->frame, message);
  milter_message_parse (MILTER_SIDE_MILTER,
                        message->letter,
                        milter_bytes (record->frame + FRAME_HEAD_SIZE, message->payload.size),
                        &record->message);
  return record;
}

void
milter_record_free (gpointer data)
{
  MilterRecord *record = data;

  if (record == NULL)
    return;
  g_clear_pointer (&record->bytes, g_bytes_unref);
  g_free (record->fault);
  g_free (record);
}

MilterBytes
milter_record_get_bytes (const MilterRecord *record)
{
  gsize size;
  const guint8 *data;

  if (record->kind == MILTER_RECORD_MESSAGE)
    return milter_bytes (record->frame, record->frame_size);
  if (record->bytes == NULL)
    return milter_bytes (NULL, 0);
  data = g_bytes_get_data (record->bytes, &size);
  return milter_bytes (data, size);
}

static bool
letter_is_edit (guint8 letter)
{
  const MilterSpec *spec = milter_spec_get (MILTER_SIDE_MILTER, letter);

  return spec != NULL
         && (spec->kind == MILTER_REPLY_KIND_EDIT || spec->kind == MILTER_REPLY_KIND_PROGRESS);
}

bool
milter_record_is_edit (const MilterRecord *record)
{
  return record->kind == MILTER_RECORD_MESSAGE && letter_is_edit (record->message.letter);
}

bool
milter_answer_is_edit (const MilterAnswerPattern *answer)
{
  if (answer->kind == MILTER_ANSWER_KIND_FRAME)
    return letter_is_edit (answer->letter);
  return answer->kind == MILTER_ANSWER_KIND_EDIT;
}

bool
milter_expectation_is_edit (const MilterExpectation *line)
{
  if (line->kind != MILTER_EXPECT_ANSWER)
    return false;
  for (guint i = 0; i < line->answers->len; i++)
    if (milter_answer_is_edit (g_ptr_array_index (line->answers, i)))
      return true;
  return false;
}

bool
milter_expectation_is_reply (const MilterExpectation *line)
{
  return line->kind == MILTER_EXPECT_ANSWER && !milter_expectation_is_edit (line);
}

bool
milter_expectation_has (const MilterExpectation *line, MilterAnswerKind kind)
{
  for (guint i = 0; i < line->answers->len; i++)
    if (((const MilterAnswerPattern *) g_ptr_array_index (line->answers, i))->kind == kind)
      return true;
  return false;
}

/* "4xx" against "451", "5.x.x" against "5.7.1": an x is one digit; in an extended code, whose
 * parts have up to three digits, it is any of them */
static bool
digits_match (const char *pattern, const char *text)
{
  while (*pattern != '\0' && *text != '\0')
    {
      if (*pattern == 'x' && g_ascii_isdigit (*text))
        {
          pattern++;
          text++;
          /* a lone x in 5.x.x stands for the whole part */
          if (*pattern == '.' || *pattern == '\0')
            while (g_ascii_isdigit (*text))
              text++;
          continue;
        }
      if (*pattern != *text)
        return false;
      pattern++;
      text++;
    }
  return *pattern == '\0' && *text == '\0';
}

static bool
lines_match (const GPtrArray *patterns, const MilterSmtpReply *reply)
{
  g_autoptr (GString) all = NULL;

  if (patterns == NULL || patterns->len == 0)
    return true;
  if (patterns->len > 1)
    {
      if (patterns->len != reply->lines->len)
        return false;
      for (guint i = 0; i < patterns->len; i++)
        {
          const GString *line = g_ptr_array_index (reply->lines, i);

          if (!milter_pattern_matches (g_ptr_array_index (patterns, i),
                                       milter_bytes (line->str, line->len)))
            return false;
        }
      return true;
    }
  all = g_string_new (NULL);
  for (guint i = 0; i < reply->lines->len; i++)
    {
      const GString *line = g_ptr_array_index (reply->lines, i);

      if (i > 0)
        g_string_append_c (all, '\n');
      g_string_append_len (all, line->str, line->len);
    }
  return milter_pattern_matches (g_ptr_array_index (patterns, 0),
                                 milter_bytes (all->str, all->len));
}

/* a text that an MTA would refuse or mangle is no reply of that code (milter-protocol 3.7) */
static bool
code_matches (const MilterAnswerPattern *answer, const MilterMessage *message)
{
  g_autoptr (MilterSmtpReply) reply = NULL;
  char code[12];

  if (message->letter != MILTER_REPLY_REPLY_CODE)
    return false;
  reply = milter_smtp_reply_parse (message->fields[0].bytes, NULL);
  if (reply == NULL)
    return false;
  g_snprintf (code, sizeof code, "%u", reply->code);
  if (!digits_match (answer->code, code))
    return false;
  if (answer->extended != NULL
      && (reply->extended == NULL || !digits_match (answer->extended, reply->extended)))
    return false;
  return lines_match (answer->patterns, reply);
}

static bool
flags_match (const MilterFlagList *list, guint32 flags)
{
  if (!list->given)
    return true;
  if (!list->relative)
    return flags == list->set;
  return (flags & list->set) == list->set && (flags & list->clear) == 0;
}

static bool
symbols_match (const MilterNegotiateArgs *pattern, MilterBytes packed)
{
  guint32 stage;
  MilterBytes names;

  if (pattern->no_symbols && packed.size > 0)
    return false;
  for (guint i = 0; pattern->symbols != NULL && i < pattern->symbols->len; i++)
    {
      const MilterSymbolList *list = g_ptr_array_index (pattern->symbols, i);
      MilterBytes rest = packed;
      bool found = false;

      while (!found && milter_symbol_lists_next (&rest, &stage, &names))
        found = stage == list->stage
                && (list->pattern == NULL || milter_pattern_matches (list->pattern, names));
      if (!found)
        return false;
    }
  return true;
}

static bool
tail_matches (GBytes *tail, MilterBytes packed)
{
  gsize size;
  const guint8 *data;

  if (tail == NULL)
    return true;
  data = g_bytes_get_data (tail, &size);
  return size <= packed.size
         && (size == 0 || memcmp (packed.data + packed.size - size, data, size) == 0);
}

bool
milter_judge_negotiate (const MilterNegotiateArgs *pattern, const MilterMessage *message)
{
  guint32 version = message->fields[0].number;

  if (pattern->has_version && (version < pattern->version_min || version > pattern->version_max))
    return false;
  return flags_match (&pattern->actions, message->fields[1].number)
         && flags_match (&pattern->steps, message->fields[2].number)
         && symbols_match (pattern, message->fields[3].bytes)
         && tail_matches (pattern->tail, message->fields[3].bytes);
}

static bool
frame_matches (const MilterAnswerPattern *answer, const MilterRecord *record)
{
  gsize size = 0;
  const guint8 *data = answer->bytes == NULL ? NULL : g_bytes_get_data (answer->bytes, &size);

  return record->kind == MILTER_RECORD_MESSAGE && record->message.letter == answer->letter
         && milter_bytes_equal (record->message.payload, milter_bytes (data, size));
}

/* bytes that are no frame are only known by their beginning */
static bool
raw_matches (const MilterAnswerPattern *answer, const MilterRecord *record)
{
  MilterBytes got = milter_record_get_bytes (record);
  gsize size;
  const guint8 *data = g_bytes_get_data (answer->bytes, &size);

  if (record->kind == MILTER_RECORD_NOTHING || got.size == 0)
    return false;
  if (record->kind == MILTER_RECORD_GARBAGE && got.size > size)
    got.size = size;
  return milter_bytes_equal (got, milter_bytes (data, size));
}

static bool
negotiate_matches (const MilterAnswerPattern *answer, const MilterRecord *record)
{
  return record->message.letter == MILTER_REPLY_NEGOTIATE
         && milter_judge_negotiate (&answer->negotiate, &record->message);
}

/* some reply; a text that an MTA would refuse or mangle is none, as it is none of a code */
static bool
any_matches (const MilterRecord *record)
{
  g_autoptr (MilterSmtpReply) reply = NULL;

  if (record->wrong)
    return false;
  if (record->message.letter != MILTER_REPLY_REPLY_CODE)
    return true;
  reply = milter_smtp_reply_parse (record->message.fields[0].bytes, NULL);
  return reply != NULL;
}

bool
milter_judge_reply (const MilterAnswerPattern *answer, const MilterRecord *record)
{
  bool sound = record->kind == MILTER_RECORD_MESSAGE && !record->malformed;

  switch (answer->kind)
    {
    case MILTER_ANSWER_KIND_REPLY:
      return sound && record->message.letter == answer->spec->letter;
    case MILTER_ANSWER_KIND_CODE:
      return sound && code_matches (answer, &record->message);
    case MILTER_ANSWER_KIND_NEGOTIATE:
      return sound && negotiate_matches (answer, record);
    case MILTER_ANSWER_KIND_ANY:
      return sound && any_matches (record);
    case MILTER_ANSWER_KIND_NONE:
      return record->kind == MILTER_RECORD_NOTHING;
    case MILTER_ANSWER_KIND_CLOSED:
      return record->kind == MILTER_RECORD_CLOSED || record->kind == MILTER_RECORD_RESET;
    case MILTER_ANSWER_KIND_RESET:
      return record->kind == MILTER_RECORD_RESET;
    case MILTER_ANSWER_KIND_FRAME:
      return frame_matches (answer, record);
    case MILTER_ANSWER_KIND_RAW:
      return raw_matches (answer, record);
    case MILTER_ANSWER_KIND_EDIT:
      return false;
    }
  g_assert_not_reached ();
}

/* what `and` looks at: the text of a reply code, of an edit its value or address, else all */
static MilterBytes
get_subject (const MilterRecord *record, GString *scratch)
{
  g_autoptr (MilterSmtpReply) reply = NULL;

  if (record->kind != MILTER_RECORD_MESSAGE || record->message.fault != MILTER_NO_FAULT)
    return milter_record_get_bytes (record);
  if (record->message.letter != MILTER_REPLY_REPLY_CODE)
    return record->message.payload;
  reply = milter_smtp_reply_parse (record->message.fields[0].bytes, NULL);
  if (reply == NULL)
    return record->message.fields[0].bytes;
  for (guint i = 0; i < reply->lines->len; i++)
    {
      const GString *line = g_ptr_array_index (reply->lines, i);

      if (i > 0)
        g_string_append_c (scratch, '\n');
      g_string_append_len (scratch, line->str, line->len);
    }
  return milter_bytes (scratch->str, scratch->len);
}

bool
milter_judge_conditions (const GPtrArray *lines,
                         guint index,
                         const MilterRecord *record,
                         MilterBytes body)
{
  g_autoptr (GString) scratch = g_string_new (NULL);
  MilterBytes subject = body.data != NULL ? body : get_subject (record, scratch);

  for (guint i = index + 1; i < lines->len; i++)
    {
      const MilterExpectation *line = g_ptr_array_index (lines, i);

      if (line->kind != MILTER_EXPECT_AND && line->kind != MILTER_EXPECT_AND_NOT)
        break;
      /* what a regex gives up on is neither */
      if (milter_pattern_matches_or (line->pattern, subject, line->kind == MILTER_EXPECT_AND_NOT)
          != (line->kind == MILTER_EXPECT_AND))
        return false;
    }
  return true;
}

bool
milter_judge_reply_line (const GPtrArray *lines, guint index, const MilterRecord *record)
{
  const MilterExpectation *line = g_ptr_array_index (lines, index);
  bool fits = false;

  for (guint i = 0; !fits && i < line->answers->len; i++)
    fits = milter_judge_reply (g_ptr_array_index (line->answers, i), record);
  return fits && milter_judge_conditions (lines, index, record, milter_bytes (NULL, 0));
}

/* the answer breaks the rules of negotiation: whether a line that fits speaks of just that */
bool
milter_judge_allows_options (const MilterExpectation *line,
                             const MilterRecord *record,
                             const MilterOffer *offer)
{
  const MilterField *fields = record->message.fields;
  bool version
      = fields[0].number > offer->version || fields[0].number < MILTER_PROTOCOL_VERSION_MIN;
  bool actions = (fields[1].number & ~offer->actions) != 0;
  bool steps = (fields[2].number & ~offer->steps) != 0;

  for (guint i = 0; i < line->answers->len; i++)
    {
      const MilterAnswerPattern *answer = g_ptr_array_index (line->answers, i);
      const MilterNegotiateArgs *pattern = &answer->negotiate;

      if (!milter_judge_reply (answer, record))
        continue;
      if (answer->kind != MILTER_ANSWER_KIND_NEGOTIATE)
        return true;
      if ((!version || pattern->has_version) && (!actions || pattern->actions.given)
          && (!steps || pattern->steps.given))
        return true;
    }
  return false;
}
