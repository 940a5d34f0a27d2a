/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-judge-edits.c: the edits of a message against the lines that expect some.
 *
 * Every line wants an edit of its own, any assignment will do: a matching in the graph of lines
 * and edits that fit. Among the largest ones one is taken that also uses as many edits as possible
 * that a `no` line forbids, since `no` speaks of those that no other line expects.
 */
#include "milter-judge-private.h"

#include <string.h>

/* frames that make one edit: a body replacement may come in many */
typedef struct
{
  guint first; /* index into the records */
  guint n_frames;
  MilterRecord *record;
  GByteArray *body; /* (nullable) of a replacement: all of it */
} Edit;

/* lines that make one expectation: consecutive replace-body lines speak of one body */
typedef struct
{
  guint index; /* into the lines */
  guint n_lines;
} Want;

typedef struct
{
  const GPtrArray *lines;
  GArray *wants; /* of Want */
  GArray *edits; /* of Edit */
  MilterPeerByName by_name;
  gconstpointer data;
  gint8 *fits;     /* wants x edits: -1 not known yet */
  int *taken_by;   /* of each edit: the want, or -1 */
  int *takes;      /* of each want: the edit, or -1 */
  bool *forbidden; /* of each edit: a `no` line speaks of it */
  guint8 *seen;
  gsize looked_at; /* bytes of bodies that patterns have been tried on, to part them */
} Judge;

/* a body can be parted in more ways than anybody would wait for */
#define MAX_LOOKED_AT ((gsize) 1 << 26)

static void
edit_clear (gpointer data)
{
  Edit *edit = data;

  g_clear_pointer (&edit->body, g_byte_array_unref);
}

static GArray *
collect_edits (const GPtrArray *records)
{
  GArray *edits = g_array_new (FALSE, TRUE, sizeof (Edit));

  g_array_set_clear_func (edits, edit_clear);
  for (guint i = 0; i < records->len; i++)
    {
      MilterRecord *record = g_ptr_array_index (records, i);
      Edit *last = edits->len > 0 ? &g_array_index (edits, Edit, edits->len - 1) : NULL;
      bool is_body = record->message.letter == MILTER_REPLY_REPLACE_BODY;

      record->matched = false;
      if (is_body && last != NULL && last->body != NULL && last->record->peer == record->peer)
        last->n_frames++;
      else
        {
          Edit edit = { i, 1, record, is_body ? g_byte_array_new () : NULL };

          g_array_append_val (edits, edit);
          last = &g_array_index (edits, Edit, edits->len - 1);
        }
      if (is_body)
        g_byte_array_append (
            last->body, record->message.payload.data, record->message.payload.size);
    }
  return edits;
}

static bool
line_is_body (const MilterExpectation *line)
{
  const MilterAnswerPattern *answer;

  if (line->kind != MILTER_EXPECT_ANSWER || line->answers->len != 1)
    return false;
  answer = g_ptr_array_index (line->answers, 0);
  return answer->kind == MILTER_ANSWER_KIND_EDIT
         && answer->spec->letter == MILTER_REPLY_REPLACE_BODY;
}

static GArray *
collect_wants (const GPtrArray *lines)
{
  GArray *wants = g_array_new (FALSE, TRUE, sizeof (Want));

  for (guint i = 0; i < lines->len; i++)
    {
      const MilterExpectation *line = g_ptr_array_index (lines, i);
      Want want = { i, 1 };

      if (!milter_expectation_is_edit (line))
        continue;
      while (line_is_body (line) && i + 1 < lines->len
             && line_is_body (g_ptr_array_index (lines, i + 1)))
        {
          want.n_lines++;
          i++;
        }
      g_array_append_val (wants, want);
    }
  return wants;
}

static MilterBytes
strip_brackets (MilterBytes address)
{
  if (address.size >= 2 && address.data[0] == '<' && address.data[address.size - 1] == '>')
    return milter_bytes (address.data + 1, address.size - 2);
  return address;
}

bool
milter_judge_address (const MilterPattern *pattern, MilterBytes address, bool undecided)
{
  MilterBytes bare = strip_brackets (address);
  g_autoptr (GString) bracketed = g_string_new ("<");

  if (milter_pattern_matches_or (pattern, address, undecided)
      || milter_pattern_matches_or (pattern, bare, undecided))
    return true;
  g_string_append_len (bracketed, (const char *) bare.data, bare.size);
  g_string_append_c (bracketed, '>');
  return milter_pattern_matches_or (
      pattern, milter_bytes (bracketed->str, bracketed->len), undecided);
}

/* the arguments as the same line would send them */
static bool
arguments_equal (const GPtrArray *patterns, MilterBytes arguments)
{
  g_autoptr (GString) joined = g_string_new (NULL);

  for (guint i = 0; i < patterns->len; i++)
    {
      const MilterPattern *pattern = g_ptr_array_index (patterns, i);
      MilterBytes literal = milter_pattern_get_literal (pattern);

      if (milter_pattern_get_kind (pattern) != MILTER_PATTERN_LITERAL)
        return false;
      if (i > 0)
        g_string_append_c (joined, ' ');
      if (literal.size > 0)
        g_string_append_len (joined, (const char *) literal.data, (gssize) literal.size);
    }
  return milter_bytes_equal (arguments, milter_bytes (joined->str, joined->len));
}

static void
pass_over (MilterBytes arguments, gsize *at, bool blanks)
{
  while (*at < arguments.size && (arguments.data[*at] == ' ') == blanks)
    (*at)++;
}

/* the one string of arguments, word by word; a pattern of several words takes as many */
static bool
arguments_match (const GPtrArray *patterns, MilterBytes packed, bool undecided)
{
  MilterBytes arguments = milter_bytes (NULL, 0);
  gsize at = 0;

  if (patterns == NULL || patterns->len == 0)
    return true;
  milter_strings_next (&packed, &arguments);
  if (arguments_equal (patterns, arguments))
    return true;
  for (guint i = 0; i < patterns->len; i++)
    {
      const MilterPattern *pattern = g_ptr_array_index (patterns, i);
      gsize start;

      pass_over (arguments, &at, /* blanks= */ true);
      if (at == arguments.size)
        return false;
      start = at;
      for (guint n = milter_pattern_count_words (pattern); n > 0; n--)
        {
          pass_over (arguments, &at, /* blanks= */ false);
          if (n > 1)
            pass_over (arguments, &at, /* blanks= */ true);
        }
      if (!milter_pattern_matches_or (
              pattern, milter_bytes (arguments.data + start, at - start), undecided))
        return false;
    }
  pass_over (arguments, &at, /* blanks= */ true);
  return at == arguments.size;
}

/* the value without the blank that belongs to the colon */
static MilterBytes
without_blank (MilterBytes value, bool leading_space)
{
  if (leading_space && value.size > 0 && value.data[0] == ' ')
    return milter_bytes (value.data + 1, value.size - 1);
  return value;
}

/* `X:v` is not `X: v`, unless HDR_LEADSPC was not agreed: then the MTA puts the blank there */
static bool
blank_fits (const MilterPattern *pattern, bool leading_blank, MilterBytes value, bool leading_space)
{
  bool blank = !leading_space || (value.size > 0 && value.data[0] == ' ');

  return milter_pattern_get_kind (pattern) == MILTER_PATTERN_REGEX || blank == leading_blank;
}

bool
milter_judge_field (const MilterPattern *pattern,
                    bool leading_blank,
                    MilterBytes value,
                    bool leading_space,
                    bool undecided)
{
  return blank_fits (pattern, leading_blank, value, leading_space)
         && milter_pattern_matches_or (pattern, without_blank (value, leading_space), undecided);
}

static bool
header_edit_matches (const MilterAnswerPattern *answer, const MilterRecord *record, bool undecided)
{
  const MilterMessage *message = &record->message;
  guint name = message->letter == MILTER_REPLY_ADD_HEADER ? 0 : 1;

  if (answer->has_index && (name == 0 || message->fields[0].number != answer->index))
    return false;
  if (answer->name != NULL)
    {
      gsize size;
      const guint8 *data = g_bytes_get_data (answer->name, &size);

      if (!milter_bytes_equal_caseless (message->fields[name].bytes, milter_bytes (data, size)))
        return false;
    }
  /* a change without a value is a deletion, which has a word of its own */
  if (message->letter == MILTER_REPLY_CHANGE_HEADER
      && answer->deletes != (message->fields[2].bytes.size == 0))
    return false;
  if (answer->value != NULL && !answer->deletes)
    return milter_judge_field (answer->value,
                               answer->leading_blank,
                               message->fields[name + 1].bytes,
                               record->leading_space,
                               undecided);
  return true;
}

static bool
same_kind (guint8 wanted, guint8 letter)
{
  if (wanted == MILTER_REPLY_ADD_RECIPIENT_WITH_PARAMETERS)
    wanted = MILTER_REPLY_ADD_RECIPIENT;
  if (letter == MILTER_REPLY_ADD_RECIPIENT_WITH_PARAMETERS)
    letter = MILTER_REPLY_ADD_RECIPIENT;
  return wanted == letter;
}

static bool
value_matches (const MilterAnswerPattern *answer, const Edit *edit, bool undecided)
{
  const MilterMessage *message = &edit->record->message;

  switch (message->letter)
    {
    case MILTER_REPLY_ADD_HEADER:
    case MILTER_REPLY_INSERT_HEADER:
    case MILTER_REPLY_CHANGE_HEADER:
      return header_edit_matches (answer, edit->record, undecided);
    case MILTER_REPLY_REPLACE_BODY:
      return answer->value == NULL
             || milter_pattern_matches_or (
                 answer->value, milter_bytes (edit->body->data, edit->body->len), undecided);
    case MILTER_REPLY_QUARANTINE:
      return answer->value == NULL
             || milter_pattern_matches_or (answer->value, message->fields[0].bytes, undecided);
    case MILTER_REPLY_PROGRESS:
      return true;
    default:
      break;
    }
  /* envelope: an address and maybe arguments */
  if (answer->value != NULL
      && !milter_judge_address (answer->value, message->fields[0].bytes, undecided))
    return false;
  if (message->letter == MILTER_REPLY_ADD_RECIPIENT
      || message->letter == MILTER_REPLY_DELETE_RECIPIENT)
    return answer->patterns == NULL || answer->patterns->len == 0;
  return arguments_match (answer->patterns, message->fields[1].bytes, undecided);
}

/* @undecided: what counts where a regex gives up: no fit for a line that wants the edit, a fit for
 * one that forbids it */
static bool
answer_fits (const MilterAnswerPattern *answer, const Edit *edit, bool undecided)
{
  if (answer->kind == MILTER_ANSWER_KIND_FRAME)
    return edit->n_frames == 1 && milter_judge_reply (answer, edit->record);
  if (answer->kind != MILTER_ANSWER_KIND_EDIT || edit->record->malformed)
    return false;
  return same_kind (answer->spec->letter, edit->record->message.letter)
         && value_matches (answer, edit, undecided);
}

/* several lines about one body: each takes its part, in order. A literal takes its own length,
 * another pattern one or more whole frames. */
static bool
body_lines_fit (Judge *judge, const Want *want, guint line, const Edit *edit, MilterBytes rest)
{
  const MilterExpectation *expectation = g_ptr_array_index (judge->lines, want->index + line);
  const MilterAnswerPattern *answer = g_ptr_array_index (expectation->answers, 0);
  MilterBytes literal;

  if (line + 1 == want->n_lines)
    return answer->value == NULL || milter_pattern_matches (answer->value, rest);
  if (answer->value != NULL && milter_pattern_get_kind (answer->value) == MILTER_PATTERN_LITERAL)
    {
      literal = milter_pattern_get_literal (answer->value);
      if (literal.size > rest.size
          || (literal.size > 0 && memcmp (literal.data, rest.data, literal.size) != 0))
        return false;
      return body_lines_fit (judge,
                             want,
                             line + 1,
                             edit,
                             milter_bytes (rest.data + literal.size, rest.size - literal.size));
    }
  for (gsize end = 0; end <= rest.size; end++)
    {
      /* parts end where a line does, or at the very end */
      if (end > 0 && end < rest.size && rest.data[end - 1] != '\n')
        continue;
      judge->looked_at += end + 1;
      if (judge->looked_at > MAX_LOOKED_AT)
        return false;
      if ((answer->value == NULL
           || milter_pattern_matches (answer->value, milter_bytes (rest.data, end)))
          && body_lines_fit (
              judge, want, line + 1, edit, milter_bytes (rest.data + end, rest.size - end)))
        return true;
    }
  return false;
}

/* what `and` looks at in an edit */
static MilterBytes
edit_subject (const Edit *edit)
{
  const MilterMessage *message = &edit->record->message;

  if (edit->body != NULL)
    return milter_bytes (edit->body->len > 0 ? edit->body->data : (const guint8 *) "",
                         edit->body->len);
  if (message->fault != MILTER_NO_FAULT)
    return message->payload;
  if (message->letter == MILTER_REPLY_ADD_HEADER)
    return without_blank (edit->record->message.fields[1].bytes, edit->record->leading_space);
  if (message->letter == MILTER_REPLY_INSERT_HEADER
      || message->letter == MILTER_REPLY_CHANGE_HEADER)
    return without_blank (edit->record->message.fields[2].bytes, edit->record->leading_space);
  if (message->letter == MILTER_REPLY_QUARANTINE)
    return message->fields[0].bytes;
  if (message->letter == MILTER_REPLY_PROGRESS)
    return milter_bytes ("", 0);
  return strip_brackets (message->fields[0].bytes);
}

static bool
peer_fits (Judge *judge, const MilterExpectation *line, const Edit *edit)
{
  return line->from == NULL || judge->by_name (judge->data, line->from) == (int) edit->record->peer;
}

static bool
compute_fit (Judge *judge, const Want *want, const Edit *edit)
{
  const MilterExpectation *line = g_ptr_array_index (judge->lines, want->index);
  bool fits = false;

  if (!peer_fits (judge, line, edit))
    return false;
  if (want->n_lines > 1)
    fits = edit->body != NULL && body_lines_fit (judge, want, 0, edit, edit_subject (edit));
  else
    for (guint i = 0; !fits && i < line->answers->len; i++)
      fits = answer_fits (g_ptr_array_index (line->answers, i), edit, /* undecided= */ false);
  return fits
         && milter_judge_conditions (
             judge->lines, want->index + want->n_lines - 1, edit->record, edit_subject (edit));
}

static bool
fits (Judge *judge, guint want, guint edit)
{
  gint8 *known = &judge->fits[(gsize) want * judge->edits->len + edit];

  if (*known < 0)
    *known = compute_fit (judge,
                          &g_array_index (judge->wants, Want, want),
                          &g_array_index (judge->edits, Edit, edit));
  return *known;
}

/* finds an edit a want, moving others where that is possible */
static bool
augment (Judge *judge, guint edit)
{
  for (guint want = 0; want < judge->wants->len; want++)
    {
      if (judge->seen[want] || !fits (judge, want, edit))
        continue;
      judge->seen[want] = 1;
      if (judge->takes[want] < 0 || augment (judge, judge->takes[want]))
        {
          judge->takes[want] = edit;
          judge->taken_by[edit] = want;
          return true;
        }
    }
  return false;
}

static void
assign_freely (Judge *judge)
{
  /* an edit that got its want keeps one, so those that `no` forbids come first */
  for (int round = 1; round >= 0; round--)
    for (guint edit = 0; edit < judge->edits->len; edit++)
      if (judge->forbidden[edit] == (round == 1) && judge->taken_by[edit] < 0)
        {
          memset (judge->seen, 0, judge->wants->len);
          augment (judge, edit);
        }
}

/* `ordered`: the best increasing assignment; FALSE if not all wants have a place in it */
static bool
assign_in_order (Judge *judge)
{
  guint n_wants = judge->wants->len, n_edits = judge->edits->len;
  gsize width = (gsize) n_edits + 1;
  g_autofree guint32 *best = g_new0 (guint32, (gsize) (n_wants + 1) * width);

  /* best[w][e]: of wants from w and edits from e on: pairs in the upper half, forbidden ones used
   * in the lower half */
  for (int w = (int) n_wants - 1; w >= 0; w--)
    for (int e = (int) n_edits - 1; e >= 0; e--)
      {
        guint32 value = MAX (best[w * width + e + 1], best[(w + 1) * width + e]);

        if (fits (judge, w, e))
          value = MAX (value, best[(w + 1) * width + e + 1] + 0x10000 + judge->forbidden[e]);
        best[w * width + e] = value;
      }
  if (best[0] >> 16 != n_wants)
    return false;
  for (guint w = 0, e = 0; w < n_wants && e < n_edits;)
    if (fits (judge, w, e)
        && best[w * width + e] == best[(w + 1) * width + e + 1] + 0x10000 + judge->forbidden[e])
      {
        judge->takes[w] = e;
        judge->taken_by[e] = w;
        w++;
        e++;
      }
    else
      e++;
  return true;
}

/* whether a `no` line speaks of an edit */
static bool
no_fits (Judge *judge, guint index, const Edit *edit)
{
  const MilterExpectation *line = g_ptr_array_index (judge->lines, index);
  bool found = false;

  if (line->kind != MILTER_EXPECT_NO || !peer_fits (judge, line, edit))
    return false;
  for (guint i = 0; !found && i < line->answers->len; i++)
    found = answer_fits (g_ptr_array_index (line->answers, i), edit, /* undecided= */ true);
  return found && milter_judge_conditions (judge->lines, index, edit->record, edit_subject (edit));
}

static void
add_finding (GArray *findings,
             MilterEditsFault fault,
             const MilterExpectation *line,
             const Edit *edit)
{
  MilterEditsFinding finding
      = { .fault = fault, .line = line, .record = edit != NULL ? edit->record : NULL };

  g_array_append_val (findings, finding);
}

static const MilterExpectation *
find_line (const GPtrArray *lines, MilterExpectKind kind)
{
  for (guint i = 0; i < lines->len; i++)
    if (((const MilterExpectation *) g_ptr_array_index (lines, i))->kind == kind)
      return g_ptr_array_index (lines, i);
  return NULL;
}

static const MilterExpectation *
line_of (const Judge *judge, guint want)
{
  return g_ptr_array_index (judge->lines, g_array_index (judge->wants, Want, want).index);
}

/* the line that has what another one misses */
static const MilterExpectation *
find_taker (Judge *judge, guint want)
{
  for (guint e = 0; e < judge->edits->len; e++)
    if (judge->taken_by[e] >= 0 && fits (judge, want, e))
      return line_of (judge, (guint) judge->taken_by[e]);
  return NULL;
}

/* lines that found no edit, edits that found no line */
static void
report (Judge *judge, GArray *findings)
{
  const MilterExpectation *only = find_line (judge->lines, MILTER_EXPECT_ONLY);

  for (guint w = 0; w < judge->wants->len; w++)
    if (judge->takes[w] < 0)
      {
        add_finding (findings, MILTER_EDITS_MISSING, line_of (judge, w), NULL);
        g_array_index (findings, MilterEditsFinding, findings->len - 1).taker
            = find_taker (judge, w);
      }
  for (guint e = 0; e < judge->edits->len; e++)
    {
      const Edit *edit = &g_array_index (judge->edits, Edit, e);

      if (judge->taken_by[e] >= 0)
        continue;
      for (guint i = 0; judge->forbidden[e] && i < judge->lines->len; i++)
        if (no_fits (judge, i, edit))
          add_finding (findings, MILTER_EDITS_FORBIDDEN, g_ptr_array_index (judge->lines, i), edit);
      if (only != NULL && edit->record->message.letter != MILTER_REPLY_PROGRESS)
        add_finding (findings, MILTER_EDITS_SURPLUS, only, edit);
    }
}

/* an edit that came in time and that the MTA of the profile would refuse: only a line that spells
 * the frame out can have meant it */
static bool
is_refused (const MilterRecord *record)
{
  return record->wrong && record->due && record->command == MILTER_COMMAND_END_OF_MESSAGE;
}

static void
mark_matched (Judge *judge, const GPtrArray *records)
{
  for (guint e = 0; e < judge->edits->len; e++)
    {
      const Edit *edit = &g_array_index (judge->edits, Edit, e);
      const MilterExpectation *line;

      if (judge->taken_by[e] < 0)
        continue;
      line = g_ptr_array_index (
          judge->lines, g_array_index (judge->wants, Want, judge->taken_by[e]).index);
      for (guint i = 0; i < edit->n_frames; i++)
        {
          MilterRecord *record = g_ptr_array_index (records, edit->first + i);

          record->matched
              = !is_refused (record) || milter_expectation_has (line, MILTER_ANSWER_KIND_FRAME);
        }
    }
}

GArray *
milter_judge_edits (const GPtrArray *lines,
                    const GPtrArray *records,
                    MilterPeerByName by_name,
                    gconstpointer data)
{
  g_autoptr (GArray) wants = collect_wants (lines);
  g_autoptr (GArray) edits = collect_edits (records);
  gsize n_fits = (gsize) wants->len * edits->len;
  g_autofree gint8 *known = g_malloc (n_fits + 1);
  g_autofree int *taken_by = g_new (int, edits->len + 1);
  g_autofree int *takes = g_new (int, wants->len + 1);
  g_autofree bool *forbidden = g_new0 (bool, edits->len + 1);
  g_autofree guint8 *seen = g_new0 (guint8, wants->len + 1);
  const MilterExpectation *ordered = find_line (lines, MILTER_EXPECT_ORDERED);
  GArray *findings = g_array_new (FALSE, TRUE, sizeof (MilterEditsFinding));
  Judge judge = {
    .lines = lines,
    .wants = wants,
    .edits = edits,
    .by_name = by_name,
    .data = data,
    .fits = known,
    .taken_by = taken_by,
    .takes = takes,
    .forbidden = forbidden,
    .seen = seen,
  };

  memset (known, -1, n_fits + 1);
  for (guint e = 0; e < edits->len; e++)
    {
      taken_by[e] = -1;
      for (guint i = 0; i < lines->len; i++)
        forbidden[e] |= no_fits (&judge, i, &g_array_index (edits, Edit, e));
    }
  for (guint w = 0; w < wants->len; w++)
    takes[w] = -1;

  if (ordered == NULL || !assign_in_order (&judge))
    {
      bool complete = true;

      assign_freely (&judge);
      for (guint w = 0; w < wants->len; w++)
        complete = complete && takes[w] >= 0;
      /* all are there, so it is the order; if some are missing, those are what is told */
      if (ordered != NULL && complete)
        add_finding (findings, MILTER_EDITS_ORDER, ordered, NULL);
    }
  mark_matched (&judge, records);
  report (&judge, findings);
  return findings;
}
