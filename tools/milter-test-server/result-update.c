/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * result-update.c: --update, which writes what came into the files of `=> result FILE`.
 */
#include "result-update.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct _ResultUpdate
{
  GHashTable *written; /* of char to GBytes: what this run has written where */
};

ResultUpdate *
result_update_new (void)
{
  ResultUpdate *update = g_new0 (ResultUpdate, 1);

  update->written
      = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) g_bytes_unref);
  return update;
}

void
result_update_free (ResultUpdate *update)
{
  if (update == NULL)
    return;
  g_hash_table_unref (update->written);
  g_free (update);
}

static void G_GNUC_PRINTF (2, 3) add_note (ReportCase *report_case, const char *format, ...)
{
  va_list arguments;
  g_autofree char *note = NULL;

  va_start (arguments, format);
  note = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  report_case_add_note (report_case, note);
}

/* what failed is what files should hold, and nothing else; @has_files: there is something of that kind */
static bool
is_all_in_files (const GPtrArray *failures, bool *has_files)
{
  bool all = failures->len > 0;

  *has_files = false;
  for (guint i = 0; i < failures->len; i++)
    {
      const MilterFailure *failure = g_ptr_array_index (failures, i);

      if (failure->delivered != NULL)
        *has_files = true;
      else
        all = false;
    }
  return all;
}

/* Two sessions that compare with one file have to agree on it. */
static bool
is_contradicted (const ResultUpdate *update, const MilterFailure *failure)
{
  const GBytes *before = g_hash_table_lookup (update->written, failure->result_path);

  return before != NULL && !g_bytes_equal (before, failure->delivered);
}

/* the lines of the file end as they did: in CRLF if one of them did */
static GString *
with_line_ends_of (const char *old, gsize old_size, GBytes *message)
{
  gsize size;
  const char *data = g_bytes_get_data (message, &size);
  GString *text = g_string_sized_new (size);
  bool is_crlf = memmem (old, old_size, "\r\n", 2) != NULL;

  for (gsize i = 0; i < size; i++)
    {
      if (!is_crlf && data[i] == '\r' && i + 1 < size && data[i + 1] == '\n')
        continue;
      g_string_append_c (text, data[i]);
    }
  return text;
}

static bool
write_file (const MilterFailure *failure, GError **error)
{
  /* behind a link, not instead of it */
  char *target = realpath (failure->result_path, NULL);
  g_autofree char *path = g_strdup (target != NULL ? target : failure->result_path);
  g_autofree char *old = NULL;
  g_autoptr (GString) text = NULL;
  struct stat status;
  gsize size;

  free (target);
  if (!g_file_get_contents (path, &old, &size, error))
    return false;
  if (stat (path, &status) < 0)
    status.st_mode = 0666;
  text = with_line_ends_of (old, size, failure->delivered);
  return g_file_set_contents_full (path,
                                   text->str,
                                   (gssize) text->len,
                                   G_FILE_SET_CONTENTS_CONSISTENT,
                                   (int) (status.st_mode & 0777),
                                   error);
}

static bool
apply_one (ResultUpdate *update, const MilterFailure *failure, ReportCase *report_case)
{
  g_autoptr (GError) error = NULL;

  if (is_contradicted (update, failure))
    {
      add_note (report_case,
                "%s is not updated again: another session has just made something else of it",
                failure->result_path);
      return false;
    }
  if (g_hash_table_contains (update->written, failure->result_path))
    return true;
  if (!write_file (failure, &error))
    {
      add_note (report_case, "%s is not updated: %s", failure->result_path, error->message);
      return false;
    }
  g_hash_table_insert (
      update->written, g_strdup (failure->result_path), g_bytes_ref (failure->delivered));
  add_note (report_case, "updated %s: %s", failure->result_path, failure->got);
  return true;
}

bool
result_update_apply (ResultUpdate *update, const MilterPlayer *player, ReportCase *report_case)
{
  const GPtrArray *failures = milter_player_get_failures (player);
  bool has_files;
  bool good = true;

  if (!is_all_in_files (failures, &has_files)
      || milter_player_get_outcome (player) != MILTER_OUTCOME_FAILED)
    {
      if (has_files)
        add_note (report_case, "results are not updated: something else of the session failed");
      return false;
    }
  for (guint i = 0; i < failures->len; i++)
    good = apply_one (update, g_ptr_array_index (failures, i), report_case) && good;
  return good;
}
