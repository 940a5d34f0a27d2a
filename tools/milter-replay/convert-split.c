/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * convert-split.c: events to the file of their session.
 */
#include "convert-split.h"

#include <errno.h>
#include <string.h>

#include "told-connection.h"
#include "tool-console.h"

/* the file of a session */
typedef struct
{
  ConvertOutput *output;
  gpointer state; /* (nullable) of the format */
  bool closed[2];
} Part;

struct _ConvertSplit
{
  const ConvertOptions *options; /* unowned */
  GHashTable *parts;             /* of Part, by the number of the connection */
  bool failed;
};

static void
part_free (gpointer data)
{
  Part *part = data;

  convert_output_free (part->output);
  g_free (part);
}

ConvertSplit *
convert_split_new (const ConvertOptions *options, GError **error)
{
  ConvertSplit *split;

  if (g_mkdir_with_parents (options->split, 0777) != 0)
    {
      int number = errno;

      g_set_error (error,
                   G_FILE_ERROR,
                   g_file_error_from_errno (number),
                   "the folder %s cannot be made: %s",
                   options->split,
                   g_strerror (number));
      return NULL;
    }
  split = g_new0 (ConvertSplit, 1);
  split->options = options;
  split->parts
      = g_hash_table_new_full (/* hash= */ NULL, /* equal= */ NULL, /* key= */ NULL, part_free);
  return split;
}

/* what was not finished is neither written nor told */
void
convert_split_free (ConvertSplit *split)
{
  if (split == NULL)
    return;
  g_hash_table_unref (split->parts);
  g_free (split);
}

static void
finish_part (ConvertSplit *split, Part *part)
{
  g_autoptr (GError) error = NULL;

  if (!split->options->format->end (g_steal_pointer (&part->state)))
    split->failed = true;
  else if (!convert_output_finish (part->output, &error))
    {
      tool_error ("%s", error->message);
      split->failed = true;
    }
}

bool
convert_split_finish (ConvertSplit *split)
{
  GList *numbers = told_connection_list_numbers (split->parts);

  for (GList *i = numbers; i != NULL; i = i->next)
    finish_part (split, g_hash_table_lookup (split->parts, i->data));
  g_list_free (numbers);
  g_hash_table_remove_all (split->parts);
  return !split->failed;
}

/* --- as a sink ------------------------------------------------------------------------------------ */

static Part *
part_of (ConvertSplit *split, const MilterCapturePlace *place)
{
  return g_hash_table_lookup (split->parts, GUINT_TO_POINTER (place->connection));
}

static void
on_opened (const MilterCapturePlace *place, const MilterCaptureOpening *opening, gpointer data)
{
  ConvertSplit *split = data;
  const ConvertFormat *format = split->options->format;
  g_autofree char *name = g_strdup_printf ("%04u%s", place->connection, format->suffix);
  g_autofree char *path = g_build_filename (split->options->split, name, NULL);
  g_autoptr (GError) error = NULL;
  ConvertOutput *output = convert_output_new (path, split->options->force, &error);
  Part *part;

  if (output == NULL)
    {
      tool_error ("%s", error->message);
      split->failed = true;
      return;
    }
  part = g_new0 (Part, 1);
  part->output = output;
  part->state = format->begin (output, split->options);
  g_hash_table_replace (split->parts, GUINT_TO_POINTER (place->connection), part);
  format->sink->opened (place, opening, part->state);
}

static void
on_message (const MilterCapturePlace *place, MilterBytes frame, bool behind_hole, gpointer data)
{
  ConvertSplit *split = data;
  Part *part = part_of (split, place);

  if (part != NULL)
    split->options->format->sink->message (place, frame, behind_hole, part->state);
}

static void
on_raw (const MilterCapturePlace *place, MilterBytes bytes, gpointer data)
{
  ConvertSplit *split = data;
  Part *part = part_of (split, place);

  if (part != NULL)
    split->options->format->sink->raw (place, bytes, part->state);
}

static void
on_hole (const MilterCapturePlace *place, gint64 size, guint8 letter, gpointer data)
{
  ConvertSplit *split = data;
  Part *part = part_of (split, place);

  if (part != NULL)
    split->options->format->sink->hole (place, size, letter, part->state);
}

static void
on_closed (const MilterCapturePlace *place, bool reset, gpointer data)
{
  ConvertSplit *split = data;
  Part *part = part_of (split, place);

  if (part == NULL)
    return;
  split->options->format->sink->closed (place, reset, part->state);
  part->closed[place->from] = true;
  if (!reset && !part->closed[!place->from])
    return;
  finish_part (split, part);
  g_hash_table_remove (split->parts, GUINT_TO_POINTER (place->connection));
}

static void
on_note (const MilterCapturePlace *place, const char *text, gpointer data)
{
  ConvertSplit *split = data;
  Part *part = part_of (split, place);

  if (part != NULL)
    split->options->format->sink->note (place, text, part->state);
  else
    convert_tell_note (place, text, /* data= */ NULL);
}

const MilterCaptureSink convert_split_sink = {
  .opened = on_opened,
  .message = on_message,
  .raw = on_raw,
  .hole = on_hole,
  .closed = on_closed,
  .note = on_note,
};
