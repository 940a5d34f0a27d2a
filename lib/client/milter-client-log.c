/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-client-log.c: GLib's messages to the standard error, a file, or syslog.
 *
 * As long as nobody asks for any of it, GLib's own handler stays. Structured messages go to GLib's
 * writer as ever: that can be set once in a process, and so belongs to the program.
 */
#include "milter-client-log-private.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "milter-client-private.h"

#define DEFAULT_FACILITY "mail"

static const struct
{
  const char *name;
  guint levels;
  int priority; /* of syslog */
} levels_by_name[] = {
  { "error", G_LOG_LEVEL_ERROR, LOG_ERR },
  { "critical", G_LOG_LEVEL_CRITICAL, LOG_CRIT },
  { "warning", G_LOG_LEVEL_WARNING, LOG_WARNING },
  { "message", G_LOG_LEVEL_MESSAGE, LOG_NOTICE },
  { "info", G_LOG_LEVEL_INFO, LOG_INFO },
  { "debug", G_LOG_LEVEL_DEBUG, LOG_DEBUG },
  /* levels of their own elsewhere; what they would show is with us in debug */
  { "trace", G_LOG_LEVEL_DEBUG, LOG_DEBUG },
  { "statistics", G_LOG_LEVEL_INFO, LOG_INFO },
  { "profile", G_LOG_LEVEL_DEBUG, LOG_DEBUG },
  { "all", MILTER_CLIENT_LOG_ALL, LOG_DEBUG },
  { "default", MILTER_CLIENT_LOG_DEFAULT, LOG_DEBUG },
  { "none", 0, LOG_DEBUG },
};

static const struct
{
  const char *name;
  int facility;
} facilities[] = {
  { "auth", LOG_AUTH },     { "authpriv", LOG_AUTHPRIV }, { "cron", LOG_CRON },
  { "daemon", LOG_DAEMON }, { "ftp", LOG_FTP },           { "kern", LOG_KERN },
  { "lpr", LOG_LPR },       { "mail", LOG_MAIL },         { "news", LOG_NEWS },
  { "syslog", LOG_SYSLOG }, { "user", LOG_USER },         { "uucp", LOG_UUCP },
  { "local0", LOG_LOCAL0 }, { "local1", LOG_LOCAL1 },     { "local2", LOG_LOCAL2 },
  { "local3", LOG_LOCAL3 }, { "local4", LOG_LOCAL4 },     { "local5", LOG_LOCAL5 },
  { "local6", LOG_LOCAL6 }, { "local7", LOG_LOCAL7 },
};

/* read in any thread that logs */
static atomic_int log_fd = -1; /* -1: GLib's own handler writes */
static atomic_uint log_levels = MILTER_CLIENT_LOG_DEFAULT;
static atomic_bool log_is_to_syslog;
/* syslog(3) keeps the pointer */
static char *syslog_identify;
static const MilterClient *syslog_owner; /* unowned */
static pthread_mutex_t syslog_mutex = PTHREAD_MUTEX_INITIALIZER;

/* Names. */

static bool
find_levels (const char *name, gsize size, guint *levels)
{
  for (gsize i = 0; i < G_N_ELEMENTS (levels_by_name); i++)
    if (strlen (levels_by_name[i].name) == size
        && g_ascii_strncasecmp (levels_by_name[i].name, name, size) == 0)
      {
        *levels = levels_by_name[i].levels;
        return true;
      }
  return false;
}

char *
milter_client_log_read_levels (const char *text, guint *levels)
{
  g_auto (GStrv) words = g_strsplit (text, "|", -1);
  bool adds = *text == '+' || *text == '-';
  guint result = adds ? MILTER_CLIENT_LOG_DEFAULT : 0;

  if (words[0] == NULL)
    return g_strdup ("");
  for (char **word = words; *word != NULL; word++)
    {
      const char *name = *word + (**word == '+' || **word == '-' ? 1 : 0);
      guint bits;

      if (!find_levels (name, strlen (name), &bits))
        return g_strdup (*word);
      if (**word == '-')
        result &= ~bits;
      else
        result = bits == 0 ? 0 : result | bits;
    }
  *levels = result;
  return NULL;
}

bool
milter_client_log_read_facility (const char *name, int *facility)
{
  for (gsize i = 0; i < G_N_ELEMENTS (facilities); i++)
    if (g_ascii_strcasecmp (facilities[i].name, name) == 0)
      {
        *facility = facilities[i].facility;
        return true;
      }
  return false;
}

/* Messages. */

static gsize
find_row (GLogLevelFlags level)
{
  for (gsize i = 0; i < G_N_ELEMENTS (levels_by_name); i++)
    if (levels_by_name[i].levels & level)
      return i;
  return G_N_ELEMENTS (levels_by_name) - 1;
}

/* one write a line, so that lines of several threads and processes stay whole */
static void
write_line (int fd, const char *domain, const char *level, const char *message)
{
  g_autoptr (GDateTime) now = g_date_time_new_now_local ();
  g_autofree char *time = g_date_time_format (now, "%Y-%m-%dT%H:%M:%S");
  g_autofree char *line = g_strdup_printf ("[%s.%06d] [%s] %s%s%s\n",
                                           time,
                                           g_date_time_get_microsecond (now),
                                           level,
                                           domain != NULL ? domain : "",
                                           domain != NULL ? ": " : "",
                                           message);
  gsize size = strlen (line);

  /* there is nowhere to tell that a log cannot be written */
  while (write (fd, line, size) < 0 && errno == EINTR)
    continue;
}

static void
on_message (const char *domain, GLogLevelFlags flags, const char *message, gpointer data)
{
  GLogLevelFlags level = flags & G_LOG_LEVEL_MASK;
  bool wanted = (atomic_load (&log_levels) & level) != 0;
  int fd = atomic_load (&log_fd);
  gsize row = find_row (level);
  int errsv = errno;

  if (wanted && atomic_load (&log_is_to_syslog))
    syslog (levels_by_name[row].priority, "%s", message);
  if (fd < 0)
    g_log_default_handler (domain, flags, message, NULL);
  else if (wanted)
    write_line (fd, domain, levels_by_name[row].name, message);
  errno = errsv;
}

static void
use_handler (void)
{
  g_log_set_default_handler (on_message, NULL);
}

void
milter_client_log_set_levels (guint levels)
{
  int expected = -1;

  atomic_store (&log_levels, levels);
  atomic_compare_exchange_strong (&log_fd, &expected, STDERR_FILENO);
  use_handler ();
}

bool
milter_client_log_set_path (const char *path, GError **error)
{
  int fd = STDOUT_FILENO;
  int old;

  if (strcmp (path, "-") != 0)
    fd = open (path, O_WRONLY | O_CREAT | O_APPEND | O_NOCTTY | O_CLOEXEC, 0640);
  if (fd < 0)
    {
      int errsv = errno;

      g_set_error (error,
                   G_FILE_ERROR,
                   g_file_error_from_errno (errsv),
                   "the log %s cannot be opened: %s",
                   path,
                   g_strerror (errsv));
      return false;
    }
  old = atomic_exchange (&log_fd, fd);
  if (old > STDERR_FILENO)
    close (old);
  use_handler ();
  return true;
}

/* Syslog. */

/**
 * milter_client_get_syslog_identify:
 * @client: a client
 *
 * Returns: (transfer none) (nullable): what its lines in syslog begin with; %NULL: the program's
 *   name
 *
 * Since: 0.1
 */
const char *
milter_client_get_syslog_identify (MilterClient *client)
{
  g_return_val_if_fail (MILTER_IS_CLIENT (client), NULL);
  return client->priv->syslog_identify;
}

/**
 * milter_client_set_syslog_identify:
 * @client: a client
 * @identify: (nullable): what its lines in syslog begin with; %NULL: the program's name
 *
 * Counts from the next milter_client_start_syslog() on.
 *
 * Since: 0.1
 */
void
milter_client_set_syslog_identify (MilterClient *client, const char *identify)
{
  g_return_if_fail (MILTER_IS_CLIENT (client));
  milter_client_replace_text (&client->priv->syslog_identify, identify);
  g_object_notify (G_OBJECT (client), "syslog-identify");
}

/**
 * milter_client_get_syslog_facility:
 * @client: a client
 *
 * Returns: (transfer none) (nullable): the facility, as `local3`; %NULL: `mail`
 *
 * Since: 0.1
 */
const char *
milter_client_get_syslog_facility (MilterClient *client)
{
  g_return_val_if_fail (MILTER_IS_CLIENT (client), NULL);
  return client->priv->syslog_facility;
}

/**
 * milter_client_set_syslog_facility:
 * @client: a client
 * @facility: (nullable): the name of a facility of syslog, as `mail`, `daemon`, `local3`; %NULL for
 *   `mail`
 *
 * Counts from the next milter_client_start_syslog() on. A name that syslog does not know is a
 * mistake of the program, and changes nothing.
 *
 * Since: 0.1
 */
void
milter_client_set_syslog_facility (MilterClient *client, const char *facility)
{
  int number;

  g_return_if_fail (MILTER_IS_CLIENT (client));
  g_return_if_fail (facility == NULL || milter_client_log_read_facility (facility, &number));
  milter_client_replace_text (&client->priv->syslog_facility, facility);
  g_object_notify (G_OBJECT (client), "syslog-facility");
}

/**
 * milter_client_start_syslog:
 * @client: a client
 *
 * Sends what is logged through GLib, by the library or by the program, to syslog as well: errors,
 * criticals, warnings and messages, unless `--log-level` says otherwise. This is of the process:
 * identify and facility are those of the client that started it last. It sets GLib's default log
 * handler.
 *
 * Since: 0.1
 */
void
milter_client_start_syslog (MilterClient *client)
{
  int facility = LOG_MAIL;
  const char *name;
  char *old;

  g_return_if_fail (MILTER_IS_CLIENT (client));
  name = client->priv->syslog_facility;
  milter_client_log_read_facility (name != NULL ? name : DEFAULT_FACILITY, &facility);
  name = client->priv->syslog_identify;
  if (name == NULL)
    name = g_get_prgname ();
  pthread_mutex_lock (&syslog_mutex);
  old = syslog_identify;
  syslog_identify = g_strdup (name != NULL ? name : "milter");
  openlog (syslog_identify, LOG_PID, facility);
  g_free (old);
  syslog_owner = client;
  atomic_store (&log_is_to_syslog, true);
  pthread_mutex_unlock (&syslog_mutex);
  use_handler ();
}

/**
 * milter_client_stop_syslog:
 * @client: a client
 *
 * Undoes milter_client_start_syslog(). Nothing happens if this client did not start it last.
 *
 * Since: 0.1
 */
void
milter_client_stop_syslog (MilterClient *client)
{
  g_return_if_fail (MILTER_IS_CLIENT (client));
  pthread_mutex_lock (&syslog_mutex);
  if (syslog_owner == client)
    {
      syslog_owner = NULL;
      atomic_store (&log_is_to_syslog, false);
      closelog ();
      /* nothing of the program's name may be left in a library that is unloaded */
      openlog (NULL, LOG_PID, LOG_USER);
      g_clear_pointer (&syslog_identify, g_free);
    }
  pthread_mutex_unlock (&syslog_mutex);
}

/**
 * milter_client_get_syslog_enabled:
 * @client: a client
 *
 * Returns: whether this client has started syslog, and neither stopped it nor has another taken it
 *   over
 *
 * Since: 0.1
 */
gboolean
milter_client_get_syslog_enabled (MilterClient *client)
{
  gboolean enabled;

  g_return_val_if_fail (MILTER_IS_CLIENT (client), FALSE);
  pthread_mutex_lock (&syslog_mutex);
  enabled = syslog_owner == client;
  pthread_mutex_unlock (&syslog_mutex);
  return enabled;
}
