/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-macros.c: a block of memory for each stage, as it came off the wire, walked on demand.
 *
 * Most macros are never asked for, so nothing is taken apart when a frame arrives.
 */
#include "milter-macros.h"

#include <string.h>

/* the stages in the order of a session; those without a list of their own are Postfix's. UNKNOWN
 * comes at any time: its set stands behind the rest and holds until the next command. */
static const char stage_letters[] = "CHMRTLNBEU";
static const char stages_backwards[] = "UEBNLTRMHC";

#define N_SLOTS   (sizeof stage_letters - 1)
#define LAST_SLOT (N_SLOTS - 1)
#define MAIL_SLOT 2
#define SLOT_NONE N_SLOTS

/* where a command's clearing begins, one more, so that 0 is "nowhere": this slot and all that comes
 * later in a session */
#define CLEARS_FROM(letter, slot) [(letter) - 'A'] = (slot) + 1
static const guint8 clearings['Z' - 'A' + 1] = {
  CLEARS_FROM (MILTER_COMMAND_NEGOTIATE, 0),
  CLEARS_FROM (MILTER_COMMAND_QUIT, 0),
  CLEARS_FROM (MILTER_COMMAND_QUIT_NC, 0),
  CLEARS_FROM (MILTER_COMMAND_CONNECT, 1),
  CLEARS_FROM (MILTER_COMMAND_HELO, 2),
  CLEARS_FROM (MILTER_COMMAND_ENVELOPE_FROM, 3),
  CLEARS_FROM (MILTER_COMMAND_ENVELOPE_RECIPIENT, 4),
  CLEARS_FROM (MILTER_COMMAND_ABORT, MAIL_SLOT),
};

typedef struct
{
  guint8 *block; /* with a NUL behind its bytes, so that the last string always ends */
  gsize size;
  gsize allocated;
} Slot;

struct _MilterMacros
{
  Slot slots[N_SLOTS];
  bool mail_used;     /* MAIL's set has had its MAIL */
  bool message_ended; /* the next thing that comes belongs to another message */
};

static guint
get_slot (guint8 command)
{
  const char *found = command == '\0' ? NULL : strchr (stage_letters, command);

  return found == NULL ? SLOT_NONE : (guint) (found - stage_letters);
}

static void
slot_store (Slot *slot, MilterBytes bytes)
{
  if (bytes.size + 1 > slot->allocated)
    {
      g_free (slot->block);
      slot->allocated = bytes.size + 1;
      slot->block = g_malloc (slot->allocated);
    }
  if (bytes.size > 0)
    memcpy (slot->block, bytes.data, bytes.size);
  slot->block[bytes.size] = '\0';
  slot->size = bytes.size;
}

static void
clear_from (MilterMacros *macros, guint first)
{
  for (guint i = first; i < N_SLOTS; i++)
    macros->slots[i].size = 0;
}

static void
leave_ended_message (MilterMacros *macros)
{
  if (!macros->message_ended)
    return;
  macros->message_ended = false;
  macros->mail_used = false;
  clear_from (macros, MAIL_SLOT);
}

/* `{name}` and `name` are one (MAC-08; Postfix 3.1 sent `{j}`) */
static MilterBytes
strip_braces (MilterBytes name)
{
  if (name.size >= 2 && name.data[0] == '{' && name.data[name.size - 1] == '}')
    return milter_bytes (name.data + 1, name.size - 2);
  return name;
}

static bool
next_pair (MilterBytes *pairs, MilterBytes *name, MilterBytes *value)
{
  return milter_strings_next (pairs, name) && milter_strings_next (pairs, value);
}

/**
 * milter_macros_new: (skip)
 *
 * Returns: (transfer full): macros of which there are none yet
 */
MilterMacros *
milter_macros_new (void)
{
  return g_new0 (MilterMacros, 1);
}

/**
 * milter_macros_free: (skip)
 * @macros: (nullable) (transfer full): macros
 *
 * Frees them and every value that was looked up.
 */
void
milter_macros_free (MilterMacros *macros)
{
  if (macros == NULL)
    return;
  for (guint i = 0; i < N_SLOTS; i++)
    g_free (macros->slots[i].block);
  g_free (macros);
}

/**
 * milter_macros_clear: (skip)
 * @macros: macros
 *
 * Forgets all stages.
 */
void
milter_macros_clear (MilterMacros *macros)
{
  clear_from (macros, 0);
  macros->mail_used = false;
  macros->message_ended = false;
}

/**
 * milter_macros_set: (skip)
 * @macros: macros
 * @command: the command that the macros belong to; sets of other letters are dropped
 * @pairs: names and values as in a macro frame; copied. A name without a value counts as absent
 *
 * Replaces the set of a stage.
 */
void
milter_macros_set (MilterMacros *macros, guint8 command, MilterBytes pairs)
{
  guint slot = get_slot (command);

  leave_ended_message (macros);
  if (slot == SLOT_NONE)
    return;
  slot_store (&macros->slots[slot], pairs);
  if (slot == MAIL_SLOT)
    macros->mail_used = false;
}

/* names of one letter travel bare, longer ones in braces (milter-protocol 5.1) */
static void
append_wire_name (GByteArray *packed, MilterBytes name)
{
  if (name.size == 1)
    {
      milter_strings_append (packed, name);
      return;
    }
  g_byte_array_append (packed, (const guint8 *) "{", 1);
  g_byte_array_append (packed, name.data, name.size);
  g_byte_array_append (packed, (const guint8 *) "}", 2);
}

/**
 * milter_macros_set_one: (skip)
 * @macros: macros
 * @command: the command that the macro belongs to; nothing happens for one that has no macros
 * @name: its name, with or without braces; nothing happens for an empty one
 * @value: (nullable): its value, %NULL takes it out
 *
 * Sets one macro of one stage, whatever else the stage has.
 */
void
milter_macros_set_one (MilterMacros *macros, guint8 command, const char *name, const char *value)
{
  guint slot = get_slot (command);
  MilterBytes wanted = strip_braces (milter_bytes_from_string (name));
  g_autoptr (GByteArray) packed = g_byte_array_new ();
  MilterBytes pairs, old_name, old_value;

  leave_ended_message (macros);
  if (slot == SLOT_NONE || wanted.size == 0)
    return;
  pairs = milter_bytes (macros->slots[slot].block, macros->slots[slot].size);
  while (next_pair (&pairs, &old_name, &old_value))
    if (!milter_bytes_equal (strip_braces (old_name), wanted))
      {
        milter_strings_append (packed, old_name);
        milter_strings_append (packed, old_value);
      }
  if (value != NULL)
    {
      append_wire_name (packed, wanted);
      milter_strings_append (packed, milter_bytes_from_string (value));
    }
  milter_macros_set (macros, command, milter_bytes (packed->data, packed->len));
}

/**
 * milter_macros_command: (skip)
 * @macros: macros
 * @command: a command that has arrived, after the macros that came before it
 *
 * Clears what the command ends: the later stages, the message or the session. What an end of
 * message ends is cleared when the next command or set arrives, so that its own handlers still see
 * all of it.
 */
void
milter_macros_command (MilterMacros *macros, guint8 command)
{
  guint8 first = command >= 'A' && command <= 'Z' ? clearings[command - 'A'] : 0;

  if (command != MILTER_COMMAND_END_OF_MESSAGE)
    leave_ended_message (macros);
  macros->message_ended = command == MILTER_COMMAND_END_OF_MESSAGE;

  if (first != 0)
    clear_from (macros, first - 1);
  if (command != MILTER_COMMAND_UNKNOWN)
    macros->slots[LAST_SLOT].size = 0;

  /* a second MAIL without macros: the first message was decided early and left its own behind */
  if (command == MILTER_COMMAND_ENVELOPE_FROM)
    {
      if (macros->mail_used)
        macros->slots[MAIL_SLOT].size = 0;
      macros->mail_used = true;
    }
}

/**
 * milter_macros_get_stage: (skip)
 * @macros: macros
 * @command: the command that the stage belongs to
 *
 * Returns: the packed pairs of a stage, as they would travel; empty if there are none. Valid until
 *   the next change.
 */
MilterBytes
milter_macros_get_stage (const MilterMacros *macros, guint8 command)
{
  guint slot = get_slot (command);

  if (slot == SLOT_NONE)
    return milter_bytes (NULL, 0);
  return milter_bytes (macros->slots[slot].block, macros->slots[slot].size);
}

static const char *
slot_lookup (const Slot *slot, MilterBytes wanted)
{
  MilterBytes pairs = milter_bytes (slot->block, slot->size);
  MilterBytes name, value;

  while (next_pair (&pairs, &name, &value))
    if (milter_bytes_equal (strip_braces (name), wanted))
      return (const char *) value.data;
  return NULL;
}

/**
 * milter_macros_get_stages: (skip)
 * @command: a command
 *
 * Returns: the letters of the stages whose macros it sees, its own first and the session's first
 *   last; all stages for a command that has none of its own
 */
const char *
milter_macros_get_stages (guint8 command)
{
  const char *stages = command == '\0' ? NULL : strchr (stages_backwards, command);

  return stages == NULL ? stages_backwards : stages;
}

/**
 * milter_macros_lookup: (skip)
 * @macros: macros
 * @command: the command that asks; one without a stage of its own sees all there is
 * @name: a name, with or without braces
 *
 * Looks a macro up, from the stage of @command backwards through the session.
 *
 * Returns: (nullable) (transfer none): its value, valid until the next change; %NULL if no stage
 *   has it
 */
const char *
milter_macros_lookup (const MilterMacros *macros, guint8 command, const char *name)
{
  MilterBytes wanted = strip_braces (milter_bytes_from_string (name));

  for (const char *stage = milter_macros_get_stages (command); *stage != '\0'; stage++)
    {
      const char *value = slot_lookup (&macros->slots[get_slot (*stage)], wanted);

      if (value != NULL)
        return value;
    }
  return NULL;
}
