//! `get`: one key, or a range of keys.

use etcd_client::proto::PbRangeResponse;
use etcd_client::{GetOptions, SortOrder, SortTarget};

use super::{Span, bad_arguments, is_serializable, show, span};
use crate::args::{GetArgs, Globals};
use crate::connection::{Connection, Purpose, within};
use crate::failure::{Exit, Failure};
use crate::print::{Answer, Format};
use crate::settings::Settings;

/// Gets, and prints the answer.
///
/// # Errors
/// The arguments are wrong, or the server refuses, or the format cannot show it.
pub async fn run(globals: &Globals, args: &GetArgs) -> Result<(), Failure> {
    let (key, options) = request(args)?;
    let settings = Settings::resolve(globals, None)?;
    let response = within(&settings, &settings.endpoints, Purpose::Read, async |connection| {
        if args.stream {
            streamed(&connection, key.clone(), options.clone()).await
        } else {
            Ok(connection.kv().get(key.clone(), Some(options.clone())).await?.0)
        }
    })
    .await?;

    let mut output = settings.output;
    if args.count_only && output.format != Format::Fields {
        return Err(bad_arguments("--count-only is only for `--write-out=fields`"));
    }
    if args.print_value_only {
        if output.format != Format::Simple {
            return Err(bad_arguments("print-value-only is only for `--write-out=simple`"));
        }
        output.value_only = true;
    }
    show(&Answer::Get(response), output)
}

/// The key and the options of these arguments.
///
/// # Errors
/// The key is missing, flags contradict each other or have unknown values.
pub fn request(args: &GetArgs) -> Result<(Vec<u8>, GetOptions), Failure> {
    let missing = "get command needs one argument as key and an optional argument as range_end";
    if args.keys_only
        && args.count_only
        && !args.words.is_empty()
        && !(args.prefix && args.from_key)
    {
        return Err(bad_arguments(
            "`--keys-only` and `--count-only` cannot be set at the same time, choose one",
        ));
    }
    let (key, span) = span(&args.words, args.prefix, args.from_key, missing)?;

    let mut options =
        GetOptions::new().with_limit(args.limit).with_sort(target(args)?, order(args)?);
    options = match span {
        Span::Key => options,
        Span::To(end) => options.with_range(end),
        Span::Prefix => options.with_prefix(),
        Span::From => options.with_from_key(),
    };
    if is_serializable(&args.consistency)? {
        options = options.with_serializable();
    }
    if args.rev > 0 {
        options = options.with_revision(args.rev);
    }
    if args.keys_only {
        options = options.with_keys_only();
    }
    if args.count_only {
        options = options.with_count_only();
    }
    check_bounds("getMinCreateRev", args.min_create_rev, "getMaxCreateRev", args.max_create_rev)?;
    check_bounds("getMinModRev", args.min_mod_rev, "getMaxModRev", args.max_mod_rev)?;
    // A bound that is not positive is none.
    options = options
        .with_min_create_revision(args.min_create_rev.max(0))
        .with_max_create_revision(args.max_create_rev.max(0))
        .with_min_mod_revision(args.min_mod_rev.max(0))
        .with_max_mod_revision(args.max_mod_rev.max(0));
    Ok((key, options))
}

fn order(args: &GetArgs) -> Result<SortOrder, Failure> {
    match args.order.to_uppercase().as_str() {
        "" => Ok(SortOrder::None),
        "ASCEND" => Ok(SortOrder::Ascend),
        "DESCEND" => Ok(SortOrder::Descend),
        _ => Err(Failure::new(Exit::BadFeature, format!("bad sort order {}", args.order))
            .with_hint("--order takes ASCEND or DESCEND")),
    }
}

fn target(args: &GetArgs) -> Result<SortTarget, Failure> {
    match args.sort_by.to_uppercase().as_str() {
        "" | "KEY" => Ok(SortTarget::Key),
        "CREATE" => Ok(SortTarget::Create),
        "MODIFY" => Ok(SortTarget::Mod),
        "VALUE" => Ok(SortTarget::Value),
        "VERSION" => Ok(SortTarget::Version),
        _ => Err(Failure::new(Exit::BadFeature, format!("bad sort target {}", args.sort_by))
            .with_hint("--sort-by takes CREATE, KEY, MODIFY, VALUE or VERSION")),
    }
}

fn check_bounds(least_name: &str, least: i64, most_name: &str, most: i64) -> Result<(), Failure> {
    if most > 0 && least > most {
        return Err(Failure::new(
            Exit::BadFeature,
            format!("{least_name}(={least}) > {most_name}(={most})"),
        ));
    }
    Ok(())
}

/// Takes the parts of a streamed answer together.
async fn streamed(
    connection: &Connection,
    key: Vec<u8>,
    options: GetOptions,
) -> Result<PbRangeResponse, Failure> {
    let mut stream = connection.kv().get_stream(key, Some(options)).await?;
    let mut whole = PbRangeResponse::default();
    while let Some(part) = stream.message().await? {
        let part = part.0;
        // Keys add up; of the other fields the last word counts.
        whole.kvs.extend(part.kvs);
        whole.header = part.header.or(whole.header);
        whole.more |= part.more;
        whole.count = if part.count == 0 { whole.count } else { part.count };
    }
    Ok(whole)
}
