/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-scenario-text.c: the line that the text writer makes of a message is read as that message.
 *
 * Each message is written, put into a session (a milter's behind `=>`), parsed, built again from what
 * the parser says, and compared byte for byte.
 */
#include <criterion/criterion.h>
#include <string.h>

#include <milter/core.h>

#include "milter-scenario.h"

#define LEADING_SPACE MILTER_TEXT_LEADING_SPACE

static MilterBytes
view (GBytes *bytes)
{
  gsize size;
  const void *data = g_bytes_get_data (bytes, &size);

  return milter_bytes (data, size);
}

static MilterBytes
argument (const MilterStep *step, guint i)
{
  return i < step->arguments->len ? view (g_ptr_array_index (step->arguments, i))
                                  : milter_bytes (NULL, 0);
}

/* on the wire the first blank behind the colon is left out, unless HDR_LEADSPC holds */
static MilterBytes
wire_value (MilterBytes value, MilterTextFlags flags)
{
  if (flags & LEADING_SPACE || value.size == 0 || value.data[0] != ' ')
    return value;
  return milter_bytes (value.data + 1, value.size - 1);
}

/* ---- commands ---- */

static void
fill_offer (const MilterNegotiateArgs *args, MilterMessage *message)
{
  message->fields[0].number = args->version_min;
  message->fields[1].number = args->actions.set;
  message->fields[2].number = args->steps.set;
}

static void
fill_macros (const MilterStep *step, GByteArray *packed, MilterMessage *message)
{
  message->fields[0].number = step->letter;
  for (guint i = 0; i < step->macros->len; i++)
    {
      const MilterMacroItem *item = g_ptr_array_index (step->macros, i);

      milter_strings_append (packed, view (item->name));
      milter_strings_append (packed, view (item->value));
    }
  message->fields[1].bytes = milter_bytes (packed->data, packed->len);
}

static void
fill_connect (const MilterStep *step, MilterMessage *message)
{
  MilterBytes address = argument (step, 1);
  MilterAddress *result = &message->fields[1].address;

  message->fields[0].bytes = argument (step, 0);
  *result = (MilterAddress){ .family = 'U' };
  if (milter_bytes_equal_string (address, "unknown"))
    return;
  result->port = step->port;
  result->text = address;
  if (address.size >= 5 && memcmp (address.data, "unix:", 5) == 0)
    {
      result->family = 'L';
      result->text = milter_bytes (address.data + 5, address.size - 5);
    }
  else
    result->family = memchr (address.data, ':', address.size) != NULL ? '6' : '4';
}

static void
fill_envelope (const MilterStep *step, GByteArray *packed, MilterMessage *message)
{
  message->fields[0].bytes = argument (step, 0);
  for (guint i = 1; i < step->arguments->len; i++)
    milter_strings_append (packed, argument (step, i));
  message->fields[1].bytes = milter_bytes (packed->data, packed->len);
}

static void
append_step (const MilterStep *step, MilterTextFlags flags, GByteArray *frame)
{
  g_autoptr (GByteArray) packed = g_byte_array_new ();
  MilterMessage message;

  if (step->kind == MILTER_STEP_KIND_FRAME)
    {
      milter_frame_append (step->letter,
                           step->bytes != NULL ? view (step->bytes) : milter_bytes (NULL, 0), frame);
      return;
    }
  cr_assert_eq (step->kind, MILTER_STEP_KIND_COMMAND);
  milter_message_init (&message, MILTER_SIDE_MTA, step->spec->letter);
  if (step->spec->letter == MILTER_COMMAND_NEGOTIATE)
    {
      fill_offer (&step->negotiate, &message);
      if (step->negotiate.tail != NULL)
        message.fields[3].bytes = view (step->negotiate.tail);
    }
  else if (step->spec->letter == MILTER_COMMAND_DEFINE_MACRO)
    fill_macros (step, packed, &message);
  else if (step->spec->letter == MILTER_COMMAND_CONNECT)
    fill_connect (step, &message);
  else if (step->spec->fields[1].layout == MILTER_LAYOUT_STRINGS)
    fill_envelope (step, packed, &message);
  else
    {
      message.fields[0].bytes = argument (step, 0);
      message.fields[1].bytes = wire_value (argument (step, 1), flags);
    }
  cr_assert (milter_message_append (&message, frame, NULL));
}

/* ---- replies ---- */

static MilterBytes
literal (const MilterPattern *pattern)
{
  if (pattern == NULL)
    return milter_bytes (NULL, 0);
  cr_assert_eq (milter_pattern_get_kind (pattern), MILTER_PATTERN_LITERAL);
  return milter_pattern_get_literal (pattern);
}

static GString *
header_value (const MilterAnswerPattern *answer, MilterTextFlags flags)
{
  MilterBytes value = literal (answer->value);
  GString *text = g_string_new (flags & LEADING_SPACE && answer->leading_blank ? " " : "");

  if (value.size > 0)
    g_string_append_len (text, (const char *) value.data, (gssize) value.size);
  return text;
}

static void
fill_symbols (const MilterNegotiateArgs *args, GByteArray *packed, MilterMessage *message)
{
  for (guint i = 0; args->symbols != NULL && i < args->symbols->len; i++)
    {
      const MilterSymbolList *list = g_ptr_array_index (args->symbols, i);

      milter_symbol_lists_append (packed, list->stage, literal (list->pattern));
    }
  message->fields[3].bytes = milter_bytes (packed->data, packed->len);
}

/* a milter's arguments are one string */
static void
fill_joined (const MilterAnswerPattern *answer, GByteArray *packed, MilterMessage *message)
{
  g_autoptr (GString) joined = g_string_new (NULL);

  message->fields[0].bytes = literal (answer->value);
  for (guint i = 0; i < answer->patterns->len; i++)
    {
      MilterBytes word = literal (g_ptr_array_index (answer->patterns, i));

      if (i > 0)
        g_string_append_c (joined, ' ');
      if (word.size > 0)
        g_string_append_len (joined, (const char *) word.data, (gssize) word.size);
    }
  if (answer->patterns->len > 0)
    milter_strings_append (packed, milter_bytes (joined->str, joined->len));
  message->fields[1].bytes = milter_bytes (packed->data, packed->len);
}

static void
append_edit (const MilterAnswerPattern *answer, MilterTextFlags flags, GByteArray *frame)
{
  g_autoptr (GByteArray) packed = g_byte_array_new ();
  g_autoptr (GString) value = header_value (answer, flags);
  MilterMessage message;
  guint name = answer->spec->fields[0].layout == MILTER_LAYOUT_U32 ? 1 : 0;

  milter_message_init (&message, MILTER_SIDE_MILTER, answer->spec->letter);
  if (answer->name != NULL)
    {
      message.fields[0].number = answer->index;
      message.fields[name].bytes = view (answer->name);
      message.fields[name + 1].bytes = milter_bytes (value->str, value->len);
    }
  else if (answer->spec->max_strings == 1)
    fill_joined (answer, packed, &message);
  else
    message.fields[0].bytes = literal (answer->value);
  cr_assert (milter_message_append (&message, frame, NULL));
}

static void
append_code (const MilterAnswerPattern *answer, GByteArray *frame)
{
  MilterBytes text = milter_bytes (NULL, 0);
  g_autoptr (GString) wire = NULL;
  MilterMessage message;

  if (answer->patterns->len > 0)
    text = literal (g_ptr_array_index (answer->patterns, 0));
  wire = milter_smtp_reply_format ((guint) atoi (answer->code), answer->extended, text, NULL);
  cr_assert_not_null (wire);
  milter_message_init (&message, MILTER_SIDE_MILTER, answer->spec->letter);
  message.fields[0].bytes = milter_bytes (wire->str, wire->len);
  cr_assert (milter_message_append (&message, frame, NULL));
}

static void
append_answer (const MilterAnswerPattern *answer, MilterTextFlags flags, GByteArray *frame)
{
  g_autoptr (GByteArray) packed = g_byte_array_new ();
  MilterMessage message;

  switch (answer->kind)
    {
    case MILTER_ANSWER_KIND_FRAME:
      milter_frame_append (answer->letter,
                           answer->bytes != NULL ? view (answer->bytes) : milter_bytes (NULL, 0),
                           frame);
      return;
    case MILTER_ANSWER_KIND_CODE:
      append_code (answer, frame);
      return;
    case MILTER_ANSWER_KIND_EDIT:
      append_edit (answer, flags, frame);
      return;
    case MILTER_ANSWER_KIND_REPLY:
    case MILTER_ANSWER_KIND_NEGOTIATE:
      milter_message_init (&message, MILTER_SIDE_MILTER, answer->spec->letter);
      fill_offer (&answer->negotiate, &message);
      fill_symbols (&answer->negotiate, packed, &message);
      cr_assert (milter_message_append (&message, frame, NULL));
      return;
    case MILTER_ANSWER_KIND_ANY:
    case MILTER_ANSWER_KIND_NONE:
    case MILTER_ANSWER_KIND_CLOSED:
    case MILTER_ANSWER_KIND_RESET:
    case MILTER_ANSWER_KIND_RAW:
      cr_assert_fail ("no message");
    }
}

/* ---- there and back ---- */

/* lines that say it in words, and those that do it with `frame` */
static guint n_words, n_frames;

static void
check (MilterSide side, guint8 letter, MilterBytes payload, MilterTextFlags flags)
{
  g_autoptr (GByteArray) before = g_byte_array_new ();
  g_autoptr (GByteArray) after = g_byte_array_new ();
  g_autoptr (GString) text = g_string_new (side == MILTER_SIDE_MTA ? "session\n" : "session\neom\n=> ");
  g_autoptr (GString) errors = g_string_new (NULL);
  g_autoptr (MilterScenario) scenario = NULL;
  const MilterScenarioSession *session;
  const MilterStep *step;
  MilterMessage message;

  if (side == MILTER_SIDE_MILTER)
    flags |= MILTER_TEXT_PATTERN;
  milter_frame_append (letter, payload, before);
  milter_message_parse (side, letter, payload, &message);
  milter_message_append_text (&message, flags, text);
  *(strstr (text->str, "frame ") != NULL ? &n_frames : &n_words) += 1;
  scenario = milter_scenario_parse (
      "t", text->str, text->len, NULL, MILTER_SCENARIO_SESSIONS, errors);
  cr_assert_not_null (scenario, "%s\n%s", text->str, errors->str);

  session = g_ptr_array_index (scenario->sessions, 0);
  cr_assert_eq (session->steps->len, 1);
  step = g_ptr_array_index (session->steps, 0);
  if (side == MILTER_SIDE_MTA)
    {
      cr_assert_eq (step->expectations->len, 0);
      append_step (step, flags, after);
    }
  else
    {
      const MilterExpectation *expectation = g_ptr_array_index (step->expectations, 0);

      cr_assert_eq (expectation->answers->len, 1);
      append_answer (g_ptr_array_index (expectation->answers, 0), flags, after);
    }
  cr_assert (milter_bytes_equal (milter_bytes (before->data, before->len),
                                 milter_bytes (after->data, after->len)),
             "%s\n was frame %c, %u bytes, and became another one", text->str, letter, before->len);
}

static void
check_with_all_flags (MilterSide side, guint8 letter, MilterBytes payload)
{
  check (side, letter, payload, MILTER_TEXT_PLAIN);
  check (side, letter, payload, LEADING_SPACE);
}

/* bytes of which words of the language are made, and bytes that mean something to its reader */
static const char *const pieces[]
    = { "a",  "b c", " ",   "\t",  "\"",   "'",    "\\",   "*",   "\\*", "$",  "$$", "${a}", "#",
        "=",  "=>",  "|",   " | ", " => ", "<<A",  "/",    "/i",  ":",   "%",  "%%", "<",    ">",
        "\n", "\r",  "\r\n", "-",  "+",    "4.7.1", "5",   ",",   "{i}", "within", "1s", "port=1",
        "unix:", "unknown", "1.2.3.4", "::1", "IPv6:", "\xc3\xa4", "\xc3", "\xff", "\x01", "\x7f",
        "\xe2\x80\xae", "\xc2\xa0", "none", "not", "no", "NOTIFY=", "='", "=\"", "=/" };

static void
append_pieces (GRand *rand, GByteArray *payload)
{
  for (int n = g_rand_int_range (rand, 0, 5); n > 0; n--)
    {
      const char *piece = pieces[g_rand_int_range (rand, 0, G_N_ELEMENTS (pieces))];

      g_byte_array_append (payload, (const guint8 *) piece, (guint) strlen (piece));
    }
}

static void
append_string (GRand *rand, GByteArray *payload)
{
  append_pieces (rand, payload);
  g_byte_array_append (payload, (const guint8 *) "", 1);
}

static void
append_number (GRand *rand, GByteArray *payload)
{
  static const guint32 numbers[] = { 0, 1, 2, 6, 0x1ff, 0x1fffff, 0x80000000, G_MAXUINT32 };
  guint32 number = g_rand_int_range (rand, 0, 3) == 0
                       ? g_rand_int (rand)
                       : numbers[g_rand_int_range (rand, 0, G_N_ELEMENTS (numbers))];
  guint32 big = GUINT32_TO_BE (number);

  g_byte_array_append (payload, (const guint8 *) &big, sizeof big);
}

static void
append_address (GRand *rand, GByteArray *payload)
{
  static const char families[] = "46LU";
  guint8 family = (guint8) families[g_rand_int_range (rand, 0, 4)];
  guint8 port[2] = { 0, (guint8) g_rand_int_range (rand, 0, 3) };

  g_byte_array_append (payload, &family, 1);
  if (family == 'U')
    return;
  g_byte_array_append (payload, port, sizeof port);
  append_string (rand, payload);
}

/* a payload as the row's layout has it, more or less */
static void
append_field (const MilterFieldSpec *field, GRand *rand, GByteArray *payload)
{
  int n = g_rand_int_range (rand, 0, 3);

  switch (field->layout)
    {
    case MILTER_LAYOUT_NONE:
      return;
    case MILTER_LAYOUT_STRING:
      append_string (rand, payload);
      return;
    case MILTER_LAYOUT_PAIRS:
      n *= 2;
      G_GNUC_FALLTHROUGH;
    case MILTER_LAYOUT_STRINGS:
      while (n-- > 0)
        append_string (rand, payload);
      return;
    case MILTER_LAYOUT_U32:
      append_number (rand, payload);
      return;
    case MILTER_LAYOUT_BYTE:
      g_byte_array_append (payload, (const guint8 *) "CHMRTLNBEUODZ" + g_rand_int_range (rand, 0, 13),
                           1);
      return;
    case MILTER_LAYOUT_REST:
      append_pieces (rand, payload);
      return;
    case MILTER_LAYOUT_SYMBOL_LISTS:
      while (n-- > 0)
        {
          append_number (rand, payload);
          append_string (rand, payload);
        }
      return;
    case MILTER_LAYOUT_ADDRESS:
      append_address (rand, payload);
      return;
    }
}

/* reply texts are seldom well-formed by chance */
static void
append_reply_text (GRand *rand, GByteArray *payload)
{
  static const char *const codes[] = { "550 ", "450 4.7.1 ", "550-5.7.1 x\r\n550 5.7.1 ", "421 4.3.2" };
  const char *code = codes[g_rand_int_range (rand, 0, G_N_ELEMENTS (codes))];

  g_byte_array_append (payload, (const guint8 *) code, (guint) strlen (code));
  append_string (rand, payload);
}

static void
check_random (const MilterSpec *row, GRand *rand)
{
  g_autoptr (GByteArray) payload = g_byte_array_new ();

  if (row->letter == MILTER_REPLY_REPLY_CODE && g_rand_boolean (rand))
    append_reply_text (rand, payload);
  else
    for (guint i = 0; i < MILTER_SPEC_MAX_FIELDS; i++)
      append_field (&row->fields[i], rand, payload);
  /* now and then something is missing or too much */
  if (g_rand_int_range (rand, 0, 20) == 0)
    append_string (rand, payload);
  if (payload->len > 0 && g_rand_int_range (rand, 0, 20) == 0)
    g_byte_array_set_size (payload, (guint) g_rand_int_range (rand, 0, (gint32) payload->len));
  check_with_all_flags (row->sender, row->letter, milter_bytes (payload->data, payload->len));
}

Test (scenario_text, messages_of_every_row_are_read_as_they_were_written)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (20260101);

  for (int side = MILTER_SIDE_MTA; side <= MILTER_SIDE_MILTER; side++)
    {
      gsize n_rows;
      const MilterSpec *rows = milter_spec_list (side, &n_rows);

      for (gsize row = 0; row < n_rows; row++)
        for (int n = 0; n < 500; n++)
          check_random (&rows[row], rand);
    }
  cr_assert (n_words > n_frames, "%u lines in words, %u frames", n_words, n_frames);
}

Test (scenario_text, any_letter_and_any_payload_is_at_least_a_frame)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (20260102);

  for (guint letter = 0; letter < 256; letter++)
    for (guint n = 0; n < 8; n++)
      {
        g_autoptr (GByteArray) payload = g_byte_array_new ();

        for (guint i = 0; i < n * n; i++)
          {
            guint8 byte = (guint8) g_rand_int_range (rand, 0, 256);

            g_byte_array_append (payload, &byte, 1);
          }
        check_with_all_flags (MILTER_SIDE_MTA, (guint8) letter,
                              milter_bytes (payload->data, payload->len));
        check_with_all_flags (MILTER_SIDE_MILTER, (guint8) letter,
                              milter_bytes (payload->data, payload->len));
      }
}

Test (scenario_text, the_largest_frames_are_read_as_they_were_written)
{
  g_autofree guint8 *bytes = g_malloc (MILTER_LIMIT_FROM_MILTER);

  for (gsize i = 0; i < MILTER_LIMIT_FROM_MILTER; i++)
    bytes[i] = (guint8) (i * 7);
  check (MILTER_SIDE_MTA, 'B', milter_bytes (bytes, MILTER_LIMIT_FROM_MTA), MILTER_TEXT_PLAIN);
  check (MILTER_SIDE_MILTER, 'b', milter_bytes (bytes, MILTER_LIMIT_FROM_MTA), MILTER_TEXT_PLAIN);
  check (MILTER_SIDE_MILTER, 'b', milter_bytes (bytes, MILTER_LIMIT_FROM_MILTER), MILTER_TEXT_PLAIN);
}
