/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * fake-dns.c: a DNS for programs that ask the C library and cannot be told to ask elsewhere, such as
 * opendmarc. Loaded with LD_PRELOAD, it answers TXT queries from the file that $FAKE_DNS names, one
 * `NAME TEXT…` a line, and says of all other names that there are none. Nothing goes to the network.
 */

#include <netdb.h>
#include <resolv.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <arpa/nameser.h>

/* The TEXT of NAME in the file, with or without the dot of the root; false: there is none. */
static int
look_up (const char *name, char *text, size_t size)
{
  const char *path = getenv ("FAKE_DNS");
  FILE *file = path != NULL ? fopen (path, "r") : NULL;
  char line[1024];
  size_t name_size = strlen (name);
  int found = 0;

  if (name_size > 0 && name[name_size - 1] == '.')
    name_size--;
  while (file != NULL && !found && fgets (line, sizeof line, file) != NULL)
    {
      char *rest = line + strcspn (line, " ");

      line[strcspn (line, "\n")] = '\0';
      if (*rest != ' ')
        continue;
      *rest = '\0';
      found = strlen (line) == name_size && strncasecmp (line, name, name_size) == 0;
      if (found)
        snprintf (text, size, "%s", rest + 1);
    }
  if (file != NULL)
    fclose (file);
  return found;
}

/* What the C library has under this name; RFC 1035 4.1 is the form of the answer. */
int
res_nquery (res_state state, const char *name, int class, int type, unsigned char *answer, int size)
{
  char text[256];
  unsigned char *at = answer;
  int name_size;

  (void) state;
  if (type != ns_t_txt || !look_up (name, text, sizeof text) || size < HFIXEDSZ)
    {
      h_errno = HOST_NOT_FOUND;
      return -1;
    }

  /* the header: an answer, without error, to one question, with one record */
  memset (answer, 0, HFIXEDSZ);
  answer[2] = 0x84;
  answer[5] = answer[7] = 1;
  at += HFIXEDSZ;

  /* the question */
  name_size = dn_comp (name, at, size - HFIXEDSZ, NULL, NULL);
  if (name_size < 0 || size < HFIXEDSZ + name_size + 2 * QFIXEDSZ + 10 + 1 + (int) strlen (text))
    {
      h_errno = NO_RECOVERY;
      return -1;
    }
  at += name_size;
  NS_PUT16 (type, at);
  NS_PUT16 (class, at);

  /* the record: the name again, by its place; a minute to live; one string */
  NS_PUT16 (0xc000 | HFIXEDSZ, at);
  NS_PUT16 (type, at);
  NS_PUT16 (class, at);
  NS_PUT32 (60, at);
  NS_PUT16 (1 + strlen (text), at);
  *at++ = (unsigned char) strlen (text);
  memcpy (at, text, strlen (text));
  at += strlen (text);
  return (int) (at - answer);
}
