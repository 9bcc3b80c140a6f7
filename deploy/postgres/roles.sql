-- A role and a schema for each service, so that none can read another's. Once, as a superuser or as
-- the owner of the database, before the first start:
--
--   createdb boxoffice
--   psql -d boxoffice -v password="$(openssl rand -hex 24)" -f deploy/postgres/roles.sql
--
-- Each service is then given its own address (all roles get that password; change them one by one
-- with ALTER ROLE … PASSWORD, or run the script once a service with -v services=orders):
--
--   DATABASE_URL=postgresql://boxoffice_bus:PASSWORD@HOST:5432/boxoffice
--   DATABASE_URL_ORDERS=postgresql://boxoffice_orders:PASSWORD@HOST:5432/boxoffice
--
-- It may be run again: what is there stays, passwords are set anew.

\set ON_ERROR_STOP on
\if :{?services}
\else
\set services bus,auth,tickets,orders,expiration,payments,catalogue,entries,mail,web
\endif

SELECT format('CREATE ROLE %I LOGIN', 'boxoffice_' || name)
  FROM unnest(string_to_array(:'services', ',')) name
 WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'boxoffice_' || name) \gexec
SELECT format('ALTER ROLE %I PASSWORD %L', 'boxoffice_' || name, :'password')
  FROM unnest(string_to_array(:'services', ',')) name \gexec
-- Whoever makes a schema for another must be able to act for it.
SELECT format('GRANT %I TO CURRENT_USER', 'boxoffice_' || name)
  FROM unnest(string_to_array(:'services', ',')) name
 WHERE NOT (SELECT rolsuper FROM pg_roles WHERE rolname = CURRENT_USER) \gexec
SELECT format('CREATE SCHEMA IF NOT EXISTS %I AUTHORIZATION %I', name, 'boxoffice_' || name)
  FROM unnest(string_to_array(:'services', ',')) name \gexec
-- A schema is its owner's alone; this undoes what somebody may have granted.
SELECT format('REVOKE ALL ON SCHEMA %I FROM PUBLIC', name)
  FROM unnest(string_to_array(:'services', ',')) name \gexec
